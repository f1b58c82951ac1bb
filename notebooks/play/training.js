"use strict";
// The step of lesson 01, its recipes, and what it learns from.

/** Two networks, their optimisers and an average of the generator; `step` trains both once. */
class GAN {
  /** recipe: see `RECIPES`; the networks are those of lesson 01, section 3. */
  constructor(recipe, seed) {
    this.recipe = { ...recipe };
    this.random = new Random(seed);
    this.generator = new MLP([2, 16, 32, 2], this.random);
    this.discriminator = new MLP([2, 256, 128, 64, 1], this.random, 0.3);
    this.gOptimizer = new Adam(this.generator, recipe.betas);
    this.dOptimizer = new Adam(this.discriminator, recipe.betas);
    this.average = null;
    this.steps = 0;
  }

  /** What a learning rate is multiplied by: it falls to 0 along a straight line, if it falls. */
  falling() {
    return this.recipe.steps ? Math.max(0, 1 - this.steps / this.recipe.steps) : 1;
  }

  latent(n) {
    return this.random.normals(2 * n);
  }

  /**
   * Train the discriminator once, on real points [n, 2] and as many generated ones. The arguments
   * that are left out are drawn. Returns the loss, and the means of D(x) and D(G(z)).
   */
  learnD(real, latent, masks, penaltyMasks) {
    const n = real.length / 2;
    const D = this.discriminator;
    const fake = this.generator.forward(latent ?? this.latent(n), n).output;
    const both = new Float64Array(2 * real.length);
    both.set(real);
    both.set(fake, real.length);
    const pass = D.forward(both, 2 * n, masks ?? D.masks(2 * n, this.random));
    D.zeroGrad();
    let loss = 0;
    const means = [0, 0];
    const gradient = pass.output.map((logit, s) => {
      const isFake = s < n ? 0 : 1;
      const belief = GAN.sigmoid(logit);
      loss += GAN.softplus(isFake ? logit : -logit) / (2 * n);
      means[isFake] += belief / n;
      return (isFake ? belief : belief - 1) / (2 * n);
    });
    D.backward(pass, gradient);
    if (this.recipe.gamma) {
      loss += D.slopePenalty(real, n, this.recipe.gamma, penaltyMasks ?? D.masks(n, this.random));
    }
    this.dOptimizer.step(this.recipe.dLr * this.falling());
    return { loss, real: means[0], fake: means[1] };
  }

  /** Train the generator once, with n latent vectors [n, 2]. Returns its loss. */
  learnG(n, latent, masks) {
    const [G, D] = [this.generator, this.discriminator];
    const made = G.forward(latent ?? this.latent(n), n);
    const pass = D.forward(made.output, n, masks ?? D.masks(n, this.random));
    const { loss, gradient } = this.generatorLoss(pass.output);
    G.zeroGrad();
    G.backward(made, D.backward(pass, gradient, false));
    this.gOptimizer.step(this.recipe.gLr * this.falling());
    return loss;
  }

  /** The generator's loss of logits [n], and its gradient. Lesson 01, section 6. */
  generatorLoss(logits) {
    const n = logits.length;
    const saturating = this.recipe.loss === "saturating";
    let loss = 0;
    const gradient = logits.map((logit) => {
      loss += (saturating ? -GAN.softplus(logit) : GAN.softplus(-logit)) / n;
      return (saturating ? -GAN.sigmoid(logit) : GAN.sigmoid(logit) - 1) / n;
    });
    return { loss, gradient };
  }

  /** End a step: rates fall, and the average (EMA) follows the generator. Lesson 01, section 10. */
  finishStep() {
    this.steps += 1;
    const decay = this.recipe.ema;
    if (!decay) return;
    const trained = this.generator.parameters();
    if (this.average === null) {
      this.average = new MLP(this.generator.sizes, new Random(0));
      this.average.parameters().forEach(([weights], k) => weights.set(trained[k][0]));
      return;
    }
    this.average.parameters().forEach(([slow], k) => {
      for (let i = 0; i < slow.length; i++) slow[i] += (1 - decay) * (trained[k][0][i] - slow[i]);
    });
  }

  /** Train each network once; a frozen discriminator is left as it is. */
  step(real, frozen = false) {
    const found = frozen ? this.judge(real) : this.learnD(real);
    found.gLoss = this.learnG(real.length / 2);
    this.finishStep();
    return found;
  }

  /** What `learnD` returns, without learning. */
  judge(real) {
    const n = real.length / 2;
    const believed = (points) => this.discriminator.forward(points, n).output;
    const mean = (values, f) => values.reduce((total, x) => total + f(x), 0) / n;
    const [onReal, onFake] = [believed(real), believed(this.generator.forward(this.latent(n), n).output)];
    return {
      loss: (mean(onReal, (x) => GAN.softplus(-x)) + mean(onFake, GAN.softplus)) / 2,
      real: mean(onReal, GAN.sigmoid),
      fake: mean(onFake, GAN.sigmoid),
    };
  }

  /** Generated points [n, 2], by the average where there is one. */
  sample(latent) {
    return (this.average ?? this.generator).forward(latent, latent.length / 2).output;
  }

  /** Which way the generator's loss pulls points [n, 2]: minus its gradient by each of them. */
  pull(points) {
    const n = points.length / 2;
    const pass = this.discriminator.forward(points, n);
    const { gradient } = this.generatorLoss(pass.output);
    return this.discriminator.backward(pass, gradient, false).map((x) => -x * n);
  }

  static sigmoid(x) {
    return 1 / (1 + Math.exp(-x));
  }

  static softplus(x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }
}

/** Real points without end, in a new order in each pass over them. */
class Batches {
  constructor(points, random) {
    this.points = points;
    this.random = random;
    this.order = [];
  }

  next(n) {
    const batch = new Float64Array(2 * n);
    for (let s = 0; s < n; s++) {
      if (!this.order.length) this.order = this.shuffled();
      const row = 2 * this.order.pop();
      batch[2 * s] = this.points[row];
      batch[2 * s + 1] = this.points[row + 1];
    }
    return batch;
  }

  shuffled() {
    const order = Array.from({ length: this.points.length / 2 }, (_, k) => k);
    for (let k = order.length - 1; k > 0; k--) {
      const other = this.random.below(k + 1);
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }
}

/** 1,024 points [n, 2] of a target: "sine", "ring" (lesson 01, section 17) or a drawn line. */
function targetPoints(target, random, count = 1024) {
  const points = new Float64Array(2 * count);
  for (let s = 0; s < count; s++) {
    const share = random.uniform();
    let point;
    if (target === "sine") {
      point = [share * 2 * Math.PI, Math.sin(share * 2 * Math.PI)];
    } else if (target === "ring") {
      const angle = (random.below(8) * Math.PI) / 4;
      point = [Math.cos(angle), Math.sin(angle)].map((x) => 2 * x + 0.1 * random.normal());
    } else {
      point = alongLine(target, share);
    }
    points.set(point, 2 * s);
  }
  return points;
}

/** The place on a line through corners [[x, y], ...] after a share of its length. */
function alongLine(corners, share) {
  const lengths = corners.slice(1).map(([x, y], k) => Math.hypot(x - corners[k][0], y - corners[k][1]));
  let left = share * lengths.reduce((total, length) => total + length, 0);
  for (let k = 0; k < lengths.length; k++) {
    if (left <= lengths[k] && lengths[k] > 0) {
      const t = left / lengths[k];
      return [0, 1].map((axis) => (1 - t) * corners[k][axis] + t * corners[k + 1][axis]);
    }
    left -= lengths[k];
  }
  return corners[corners.length - 1];
}

/**
 * Score generated points against real ones, both [n, 2]: the share of generated points that lie
 * within `near` of a real one, and the share of real points within `near` of a generated one.
 */
function scores(generated, real, near) {
  const share = (points, others) => {
    let close = 0;
    for (let s = 0; s < points.length; s += 2) {
      for (let k = 0; k < others.length; k += 2) {
        if (Math.hypot(points[s] - others[k], points[s + 1] - others[k + 1]) <= near) {
          close += 1;
          break;
        }
      }
    }
    return close / (points.length / 2);
  };
  return { good: share(generated, real), covered: share(real, generated) };
}

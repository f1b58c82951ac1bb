"use strict";
// A fully connected network and its derivatives, by hand. Samples lie one after the other in a
// Float64Array: n of them with d numbers each are called [n, d].

/** Random numbers from a seed: Mulberry32, and Box & Muller 1958 for the normal distribution. */
class Random {
  constructor(seed) {
    this.state = seed >>> 0;
    this.spare = null;
  }

  /** One number from 0 to 1, without 1. */
  uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  normal() {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  normals(count) {
    return Float64Array.from({ length: count }, () => this.normal());
  }

  below(count) {
    return Math.floor(this.uniform() * count);
  }
}

/**
 * Linear layers with ReLU and dropout between them, initialised as PyTorch does. Lesson 01,
 * section 3.
 *
 * Weights are [inputs, outputs], the transpose of PyTorch's: so all loops below run along the
 * memory, and skip an input that ReLU or dropout made 0, which is every other one.
 */
class MLP {
  constructor(sizes, random, dropout = 0) {
    this.sizes = sizes;
    this.dropout = dropout;
    this.layers = sizes.slice(1).map((outputs, l) => {
      const inputs = sizes[l];
      const bound = 1 / Math.sqrt(inputs);
      const draw = () => (2 * random.uniform() - 1) * bound;
      return {
        inputs,
        outputs,
        weight: Float64Array.from({ length: inputs * outputs }, draw),
        bias: Float64Array.from({ length: outputs }, draw),
        weightGrad: new Float64Array(inputs * outputs),
        biasGrad: new Float64Array(outputs),
      };
    });
  }

  /** What an optimiser changes, as pairs of numbers and gradients. */
  parameters() {
    return this.layers.flatMap((layer) => [
      [layer.weight, layer.weightGrad],
      [layer.bias, layer.biasGrad],
    ]);
  }

  zeroGrad() {
    for (const [, gradient] of this.parameters()) gradient.fill(0);
  }

  /** Factors of dropout for n samples, one array for each hidden layer: 0, or 1 / (1 - dropout). */
  masks(n, random) {
    if (!this.dropout) return null;
    const kept = 1 / (1 - this.dropout);
    return this.sizes.slice(1, -1).map((size) => {
      const mask = new Float64Array(n * size);
      for (let k = 0; k < mask.length; k++) mask[k] = random.uniform() < this.dropout ? 0 : kept;
      return mask;
    });
  }

  /** Map samples [n, inputs] to outputs. `masks` are those of dropout; null is evaluation mode. */
  forward(samples, n, masks = null) {
    const pass = { n, inputs: [], gates: [], output: samples };
    this.layers.forEach((layer, l) => {
      pass.inputs.push(pass.output);
      pass.output = MLP.multiply(layer, pass.output, n, layer.bias);
      if (l + 1 === this.layers.length) return;
      // ReLU and dropout are both factors: 0 or 1, and 0 or 1 / (1 - dropout).
      const gate = new Float64Array(pass.output.length);
      for (let k = 0; k < gate.length; k++) {
        gate[k] = pass.output[k] > 0 ? (masks ? masks[l][k] : 1) : 0;
        pass.output[k] *= gate[k];
      }
      pass.gates.push(gate);
    });
    return pass;
  }

  /**
   * Backpropagate the gradient [n, outputs] of a loss by the outputs of a pass. Returns the gradient
   * by the samples; adds those by the weights to `weightGrad` and `biasGrad`, if asked for.
   */
  backward(pass, gradient, intoWeights = true) {
    pass.deltas = [];
    for (let l = this.layers.length - 1; l >= 0; l--) {
      pass.deltas[l] = gradient;
      if (intoWeights) {
        MLP.addProducts(this.layers[l], pass.inputs[l], gradient, pass.n);
        MLP.addSums(this.layers[l].biasGrad, gradient);
      }
      gradient = MLP.pullBack(this.layers[l], gradient, pass.gates[l - 1], pass.n);
    }
    return gradient;
  }

  /**
   * Add the gradient of gamma / 2 times the mean squared slope at samples [n, inputs], for one
   * output: the R1 penalty of Mescheder et al. 2018, eq. 9. Returns the penalty.
   *
   * Between the kinks of its ReLUs the network is linear, and the slope s is a product of weights
   * and gates. The gradient of s.s / 2 by a weight is that of s.v with v = s held fixed: how the
   * output would change if the sample moved along v. One more pass, forward and without biases,
   * carries v through the layers; each weight joins what arrives at it from both sides.
   */
  slopePenalty(samples, n, gamma, masks = null) {
    const pass = this.forward(samples, n, masks);
    const slopes = this.backward(pass, new Float64Array(n).fill(1), false);
    let moved = slopes.map((slope) => (slope * gamma) / n);
    this.layers.forEach((layer, l) => {
      MLP.addProducts(layer, moved, pass.deltas[l], n);
      if (l + 1 === this.layers.length) return;
      moved = MLP.multiply(layer, moved, n);
      const gate = pass.gates[l];
      for (let k = 0; k < moved.length; k++) moved[k] *= gate[k];
    });
    return ((gamma / 2) * slopes.reduce((total, slope) => total + slope * slope, 0)) / n;
  }

  /** Samples [n, inputs] times weights, plus biases. */
  static multiply({ inputs, outputs, weight }, samples, n, bias = null) {
    const result = new Float64Array(n * outputs);
    const [factors, rows] = [new Float64Array(inputs), new Int32Array(inputs)];
    for (let s = 0; s < n; s++) {
      if (bias) result.set(bias, s * outputs);
      const count = MLP.gather(samples, s * inputs, 1, inputs, outputs, factors, rows);
      MLP.addRows(result, s * outputs, outputs, weight, factors, rows, count);
    }
    return result;
  }

  /** Add inputs [n, inputs], transposed, times gradients [n, outputs] to the weights' gradient. */
  static addProducts({ inputs, outputs, weightGrad }, samples, gradient, n) {
    const [factors, rows] = [new Float64Array(n), new Int32Array(n)];
    for (let i = 0; i < inputs; i++) {
      const count = MLP.gather(samples, i, inputs, n, outputs, factors, rows);
      MLP.addRows(weightGrad, i * outputs, outputs, gradient, factors, rows, count);
    }
  }

  /** Gradients [n, outputs] times the weights' transpose, where the gate of the inputs is open. */
  static pullBack({ inputs, outputs, weight }, gradient, gate, n) {
    const result = new Float64Array(n * inputs);
    const open = new Int32Array(inputs + 3); // the last are read, and not used
    for (let s = 0; s < n; s++) {
      let count = 0;
      for (let i = 0; i < inputs; i++) {
        if (!gate || gate[s * inputs + i] !== 0) open[count++] = i;
      }
      for (let k = 0; k < count; k += 4) {
        const sums = MLP.fourProducts(gradient, s * outputs, outputs, weight, open, k);
        for (let m = k; m < Math.min(k + 4, count); m++) {
          const place = s * inputs + open[m];
          result[place] = sums[m - k] * (gate ? gate[place] : 1);
        }
      }
    }
    return result;
  }

  /** Collect every number that is not 0, from `start` on, and where the row of its place begins. */
  static gather(values, start, stride, length, width, factors, rows) {
    let count = 0;
    for (let k = 0; k < length; k++) {
      const value = values[start + k * stride];
      if (value === 0) continue;
      factors[count] = value;
      rows[count++] = k * width;
    }
    return count;
  }

  /** Add rows of a matrix, each times a factor: four at once, which halves the seconds. */
  static addRows(sums, start, length, matrix, factors, rows, count) {
    let k = 0;
    for (; k + 3 < count; k += 4) {
      const [a, b, c, d] = [factors[k], factors[k + 1], factors[k + 2], factors[k + 3]];
      const [ra, rb, rc, rd] = [rows[k], rows[k + 1], rows[k + 2], rows[k + 3]];
      for (let j = 0; j < length; j++) {
        sums[start + j] +=
          a * matrix[ra + j] + b * matrix[rb + j] + c * matrix[rc + j] + d * matrix[rd + j];
      }
    }
    for (; k < count; k++) {
      const [factor, row] = [factors[k], rows[k]];
      for (let j = 0; j < length; j++) sums[start + j] += factor * matrix[row + j];
    }
  }

  /** The products of one row with four rows of a matrix, whose numbers begin at `which[k]`. */
  static fourProducts(values, start, length, matrix, which, k) {
    const [ra, rb, rc, rd] = [which[k], which[k + 1], which[k + 2], which[k + 3]].map((row) => row * length);
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let j = 0; j < length; j++) {
      const value = values[start + j];
      a += value * matrix[ra + j];
      b += value * matrix[rb + j];
      c += value * matrix[rc + j];
      d += value * matrix[rd + j];
    }
    return [a, b, c, d];
  }

  static addSums(sums, gradient) {
    for (let row = 0; row < gradient.length; row += sums.length) {
      for (let j = 0; j < sums.length; j++) sums[j] += gradient[row + j];
    }
  }
}

/** Adam of Kingma & Ba 2015, algorithm 1. */
class Adam {
  constructor(network, betas) {
    this.network = network;
    this.betas = betas;
    this.count = 0;
    this.moments = network.parameters().map(([weights]) => [
      new Float64Array(weights.length),
      new Float64Array(weights.length),
    ]);
  }

  step(rate) {
    const [beta1, beta2] = this.betas;
    this.count += 1;
    const size = rate / (1 - beta1 ** this.count);
    const correction = 1 / Math.sqrt(1 - beta2 ** this.count);
    this.network.parameters().forEach(([weights, gradient], which) => {
      const [first, second] = this.moments[which];
      for (let k = 0; k < weights.length; k++) {
        const g = gradient[k];
        first[k] += (1 - beta1) * (g - first[k]);
        second[k] += (1 - beta2) * (g * g - second[k]);
        weights[k] -= (size * first[k]) / (Math.sqrt(second[k]) * correction + 1e-8);
      }
    });
  }
}

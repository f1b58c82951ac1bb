"use strict";
// Trains in a thread of its own, so that the page never waits. `Player` runs there; `startWorker`
// hands it the sources of what it needs, since a page opened from a file may load no worker from one.

/** Start a thread that trains, and return it. */
function startWorker() {
  const parts = [Random, MLP, Adam, GAN, Batches, targetPoints, alongLine, scores, Player];
  const source = `"use strict";\n${parts.join("\n")}\nnew Player();`;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Worker(address);
}

/**
 * Obeys the page: {reset}, {set}, {play}, {pause}, {once}. Sends a frame whenever the page has drawn
 * the last one and something has changed.
 */
class Player {
  constructor() {
    this.playing = false;
    this.pace = Infinity; // steps a second
    this.drawn = true;
    this.channel = new MessageChannel();
    this.channel.port1.onmessage = () => this.turn();
    self.onmessage = ({ data }) => {
      this[data.kind](data);
      if (data.kind !== "frameDrawn") this.changed = true;
      this.show();
    };
  }

  /** Begin anew: networks, data and all that a preset says. */
  reset({ recipe, target, view, seed, events = [] }) {
    this.gan = new GAN(recipe, seed);
    this.random = new Random(seed + 1);
    this.events = events;
    this.frozen = false;
    this.history = [];
    this.last = null;
    this.fixed = this.random.normals(2 * Player.SHOWN);
    this.setTarget({ target, view });
    this.mapTime = -Infinity;
    this.frameTime = -Infinity;
    this.measure = { time: performance.now(), steps: 0, rate: 0 };
  }

  /** target: see `targetPoints`; view: left, right, bottom and top of the plane that is shown. */
  setTarget({ target, view }) {
    this.view = view;
    this.real = targetPoints(target, this.random);
    this.batches = new Batches(this.real, this.random);
  }

  /** Change a setting of the running training. */
  set({ name, value }) {
    if (name === "frozen" || name === "pace") this[name] = value;
    else this.gan.recipe[name] = value;
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.due = 0;
    this.clock = performance.now();
    this.measure = { time: this.clock, steps: this.gan.steps, rate: 0 };
    this.channel.port2.postMessage(0);
  }

  pause() {
    this.playing = false;
    this.measure.rate = 0;
  }

  /** One step of the discriminator alone, of the generator alone, or of both. */
  once({ who }) {
    const n = this.gan.recipe.batch;
    if (who === "both") return this.step();
    const found = who === "D" ? this.gan.learnD(this.batches.next(n)) : this.gan.judge(this.batches.next(n));
    const gLoss = who === "G" ? this.gan.learnG(n) : null;
    if (who === "G") this.gan.finishStep();
    this.keep({ ...found, gLoss: gLoss ?? this.last?.gLoss ?? NaN });
  }

  step() {
    for (const [step, name, value] of this.events) {
      if (step === this.gan.steps) this.set({ name, value });
    }
    this.keep(this.gan.step(this.batches.next(this.gan.recipe.batch), this.frozen));
  }

  keep(found) {
    this.last = found;
    this.history.push([this.gan.steps, found.loss, found.gLoss, found.real, found.fake]);
  }

  finished() {
    return this.gan.recipe.steps > 0 && this.gan.steps >= this.gan.recipe.steps;
  }

  /** Train for some milliseconds, as many steps as the pace allows, then listen and go on. */
  turn() {
    if (!this.playing) return;
    const start = performance.now();
    this.due = Math.min(this.due + (this.pace * (start - this.clock)) / 1000, 1000);
    this.clock = start;
    while (this.due >= 1 && performance.now() - start < 25 && !this.finished()) {
      this.step();
      this.due -= 1;
      this.changed = true;
    }
    if (this.finished()) this.pause();
    if (start - this.measure.time > 1000) {
      const { time, steps } = this.measure;
      const rate = (1000 * (this.gan.steps - steps)) / (start - time);
      this.measure = { time: start, steps: this.gan.steps, rate };
    }
    this.show();
    if (this.pace < 100) setTimeout(() => this.turn(), 10);
    else this.channel.port2.postMessage(0);
  }

  frameDrawn() {
    this.drawn = true;
  }

  /** Send the page what it draws, unless it still draws. */
  show() {
    const now = performance.now();
    const early = this.playing && now - this.frameTime < 70; // fourteen pictures a second will do
    if (early || !this.drawn || !this.changed || !this.gan) return;
    this.drawn = false;
    this.changed = false;
    const points = this.gan.sample(this.fixed);
    const real = this.real.subarray(0, points.length);
    this.frameTime = now;
    if (now - this.mapTime > 400 || !this.playing) {
      this.mapTime = now;
      this.map = this.beliefs();
      this.scores = scores(points, real, 0.15);
    }
    self.postMessage({
      step: this.gan.steps,
      points,
      real,
      map: this.map,
      pulls: this.gan.pull(points.slice(0, 2 * Player.ARROWS)),
      history: this.history.splice(0),
      scores: this.scores,
      frozen: this.frozen,
      playing: this.playing,
      finished: this.finished(),
      rate: this.measure.rate,
    });
  }

  /** D(x) on a grid over the plane, row after row from below. */
  beliefs() {
    const [columns, rows] = Player.GRID;
    const [left, right, bottom, top] = this.view;
    const places = new Float64Array(2 * columns * rows);
    for (let k = 0; k < columns * rows; k++) {
      places[2 * k] = left + ((k % columns) / (columns - 1)) * (right - left);
      places[2 * k + 1] = bottom + (Math.floor(k / columns) / (rows - 1)) * (top - bottom);
    }
    return this.gan.discriminator.forward(places, columns * rows).output.map(GAN.sigmoid);
  }

  static GRID = [33, 22];
  static SHOWN = 400;
  static ARROWS = 60;
}

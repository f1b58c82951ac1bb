"use strict";
// Drawing: a canvas as sharp as the screen, and curves.

const at = (id) => document.getElementById(id);
const ARROWS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };

/** Return a canvas's context in CSS pixels, with its width and height, wiped. */
function wiped(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Read a colour of the style sheet, which differs in the dark. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Turn #rrggbb into three numbers from 0 to 255. */
function channels(hex) {
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

/** Keeps a curve short: beyond 1,200 rows, each two neighbours become their mean. */
class Curve {
  constructor() {
    this.rows = [];
    this.width = 1; // steps that a row stands for
    this.open = [];
  }

  add(row) {
    this.open.push(row);
    if (this.open.length < this.width) return;
    this.rows.push(Curve.mean(this.open));
    this.open = [];
    if (this.rows.length < 1200) return;
    this.rows = this.rows.filter((_, k) => k % 2 === 0).map((row, k) => Curve.mean([row, this.rows[2 * k + 1]]));
    this.width *= 2;
  }

  static mean(rows) {
    return rows[0].map((_, column) => rows.reduce((total, row) => total + row[column], 0) / rows.length);
  }
}

/**
 * Draw columns of a curve over its first column, the step. `lines` are [column, colour, dashes];
 * `level` is a dotted line across; the axis goes from 0 to `top`, or as far as the values.
 */
function drawCurves(canvas, curve, lines, level, top) {
  const { context, width, height } = wiped(canvas);
  const [left, right, above, below] = [40, width - 8, 8, height - 20];
  const some = curve.rows.filter((_, k) => k % Math.ceil(curve.rows.length / 200) === 0);
  const values = some.flatMap((row) => lines.map(([column]) => row[column])).filter(Number.isFinite);
  const low = top ? 0 : Math.min(0, ...[quantile(values, 0.01)].filter(Number.isFinite));
  const high = top ?? Math.max(1, 1.1 * (quantile(values, 0.99) || 0));
  const end = Math.max(10, curve.rows.length ? curve.rows[curve.rows.length - 1][0] : 0);
  const x = (step) => left + (step / end) * (right - left);
  const y = (value) => below - ((value - low) / (high - low)) * (below - above);

  context.font = "12px system-ui, sans-serif";
  context.fillStyle = colour("quiet");
  context.strokeStyle = colour("edge");
  context.lineWidth = 1;
  context.strokeRect(left, above, right - left, below - above);
  context.textAlign = "right";
  for (const value of [low, (low + high) / 2, high]) context.fillText(value.toFixed(2), left - 5, y(value) + 4);
  context.fillText(end.toLocaleString("en"), right, height - 5);
  context.textAlign = "left";
  context.fillText("step 0", left, height - 5);

  context.save();
  context.beginPath();
  context.rect(left, above, right - left, below - above);
  context.clip();
  const trace = (rows, height) => {
    context.beginPath();
    rows.forEach((row) => context.lineTo(x(row[0]), y(height(row))));
    context.stroke();
  };
  context.lineWidth = 2;
  context.setLineDash([2, 4]);
  context.strokeStyle = colour("level");
  trace([[0], [end]], () => level);
  for (const [column, name, dashes] of lines) {
    context.strokeStyle = colour(name);
    context.setLineDash(dashes);
    trace(smoothed(curve.rows, column), (row) => row[1]);
  }
  context.restore();
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))];
}

/** Means over 2% of the rows, as the curves of the lessons. */
function smoothed(rows, column) {
  const wide = Math.max(1, Math.round(rows.length / 50));
  const result = [];
  let total = 0;
  rows.forEach((row, k) => {
    total += row[column];
    if (k >= wide) total -= rows[k - wide][column];
    result.push([row[0], total / Math.min(k + 1, wide)]);
  });
  return result;
}

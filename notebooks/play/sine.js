"use strict";
// The page: controls send messages to the worker; its frames are drawn.

const VIEWS = { sine: [-1.1, 7.4, -2.83, 2.83], ring: [-4.5, 4.5, -3, 3] };
const RATES = [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2];
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

const page = {
  worker: startWorker(),
  frame: null,
  curve: new Curve(),
  view: VIEWS.sine,
  line: null, // corners of a target that is being drawn
  spoken: 0, // when the state was last told, and the charts were last drawn
  charted: 0,
};

function send(kind, values = {}) {
  page.worker.postMessage({ kind, ...values });
}

/** Begin the chosen experiment from random weights. */
function reset() {
  const { recipe, target, events } = PRESETS[at("preset").value];
  showRecipe(recipe, target);
  at("says").textContent = PRESETS[at("preset").value].says;
  at("frozen").checked = false;
  page.curve = new Curve();
  send("reset", { recipe, target, view: VIEWS[target], seed: seed(), events });
  page.view = VIEWS[target];
  setPlaying(false);
}

/** The seed as a whole number that the field allows. */
function seed() {
  const value = Math.min(999999, Math.max(0, Math.floor(Number(at("seed").value) || 0)));
  at("seed").value = value;
  return value;
}

function showRecipe(recipe, target) {
  for (const name of ["batch", "dLr", "gLr", "loss", "gamma"]) at(name).value = String(recipe[name]);
  at("target").value = target;
  layPenDown();
}

function setPlaying(playing) {
  at("play").textContent = playing ? "Pause" : "Play";
  send(playing ? "play" : "pause");
  if (!playing) tell();
}

/** Say the state to a screen reader: at each pause, and every ten seconds of a training. */
function tell() {
  const frame = page.frame;
  if (!frame) return;
  page.spoken = performance.now();
  const rounded = (share) => `${Math.round(100 * share)} percent`;
  at("state").textContent =
    `Step ${frame.step}. ${rounded(frame.scores.good)} of the generated points are near the target, ` +
    `and ${rounded(frame.scores.covered)} of the target is covered.` +
    (frame.frozen ? " The discriminator is frozen." : "") +
    (frame.finished ? " The rates have fallen to zero: this training is over." : "");
}

function receive(frame) {
  page.frame = frame;
  for (const row of frame.history) page.curve.add(row);
  // Who asked for less motion gets a picture a second.
  const wait = still.matches && frame.playing ? 1000 : 0;
  setTimeout(() => requestAnimationFrame(draw), wait);
}

function draw() {
  const frame = page.frame;
  if (!frame) return;
  drawPlane(frame);
  if (!frame.playing || performance.now() - page.charted > 400) drawCharts();
  at("step").textContent = frame.step.toLocaleString("en");
  at("rate").textContent = frame.rate ? Math.round(frame.rate).toLocaleString("en") : "–";
  at("good").textContent = `${Math.round(100 * frame.scores.good)}%`;
  at("covered").textContent = `${Math.round(100 * frame.scores.covered)}%`;
  at("frozen").checked = frame.frozen;
  if (!frame.playing && at("play").textContent === "Pause" && frame.finished) setPlaying(false);
  if (performance.now() - page.spoken > 10000 && frame.playing) tell();
  send("frameDrawn");
}

function drawCharts() {
  page.charted = performance.now();
  const dashes = { d: [], g: [6, 4] };
  drawCurves(at("losses"), page.curve, [[1, "real", dashes.d], [2, "fake", dashes.g]], Math.LN2);
  drawCurves(at("beliefs"), page.curve, [[3, "real", dashes.d], [4, "fake", dashes.g]], 0.5, 1);
}

/** Places of the canvas, in CSS pixels, of a point of the plane. */
function scales(width, height) {
  const [left, right, bottom, top] = page.view;
  const x = (value) => ((value - left) / (right - left)) * width;
  const y = (value) => ((top - value) / (top - bottom)) * height;
  return { x, y };
}

function drawPlane(frame) {
  const { context, width, height } = wiped(at("plane"));
  const { x, y } = scales(width, height);
  drawMap(context, frame.map, width, height);
  context.fillStyle = colour("real");
  context.globalAlpha = 0.55;
  for (let k = 0; k < frame.points.length; k += 2) {
    context.beginPath();
    context.arc(x(frame.real[k]), y(frame.real[k + 1]), 2.2, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 0.9;
  context.fillStyle = colour("fake");
  for (let k = 0; k < frame.points.length; k += 2) {
    context.fillRect(x(frame.points[k]) - 2, y(frame.points[k + 1]) - 2, 4, 4);
  }
  drawPulls(context, frame, x, y);
  context.globalAlpha = 1;
  if (page.line) drawLine(context, x, y);
}

/** Paint D's beliefs: a small picture, stretched. */
function drawMap(context, beliefs, width, height) {
  const [columns, rows] = Player.GRID;
  const picture = new ImageData(columns, rows);
  const [low, high] = [channels(colour("map-low")), channels(colour("map-high"))];
  for (let k = 0; k < columns * rows; k++) {
    const row = rows - 1 - Math.floor(k / columns); // the grid begins below, a picture above
    const pixel = 4 * (row * columns + (k % columns));
    for (let c = 0; c < 3; c++) picture.data[pixel + c] = low[c] + beliefs[k] * (high[c] - low[c]);
    picture.data[pixel + 3] = 255;
  }
  const small = (drawMap.small ??= Object.assign(document.createElement("canvas"), { width: columns, height: rows }));
  small.getContext("2d").putImageData(picture, 0, 0);
  context.imageSmoothingQuality = "high";
  // The outer places of the grid lie on the edges, not in the middle of a pixel there.
  const [dx, dy] = [width / (columns - 1), height / (rows - 1)];
  context.drawImage(small, -dx / 2, -dy / 2, width + dx, height + dy);
}

/** Draw arrows along the pulls; their lengths are compressed, or most would not be seen. */
function drawPulls(context, frame, x, y) {
  context.strokeStyle = colour("text");
  context.lineWidth = 1;
  for (let k = 0; k < frame.pulls.length; k += 2) {
    const strength = Math.hypot(frame.pulls[k], frame.pulls[k + 1]);
    if (!(strength > 0.003)) continue;
    const size = (30 * Math.tanh(3 * strength)) / strength;
    const [fromX, fromY] = [x(frame.points[k]), y(frame.points[k + 1])];
    const [toX, toY] = [fromX + size * frame.pulls[k], fromY - size * frame.pulls[k + 1]];
    const angle = Math.atan2(toY - fromY, toX - fromX);
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    for (const side of [2.6, -2.6]) {
      context.moveTo(toX, toY);
      context.lineTo(toX + 5 * Math.cos(angle + side), toY + 5 * Math.sin(angle + side));
    }
    context.stroke();
  }
}

function drawLine(context, x, y) {
  const { corners, down, pen } = page.line;
  context.strokeStyle = colour("text");
  context.lineWidth = 2;
  context.beginPath();
  for (const [cornerX, cornerY] of corners) context.lineTo(x(cornerX), y(cornerY));
  context.stroke();
  context.beginPath();
  context.arc(x(pen[0]), y(pen[1]), down ? 4 : 7, 0, 2 * Math.PI);
  context.stroke();
}

/** Let the reader draw a target: by a pointer, or by keys. */
function startDrawing() {
  setPlaying(false);
  const [left, right, bottom, top] = page.view;
  page.line = { corners: [], down: false, pen: [(left + right) / 2, (bottom + top) / 2] };
  at("drawing").hidden = false;
  at("plane").classList.add("drawing");
  at("plane").tabIndex = 0;
  at("plane").focus();
  draw();
}

/** Say whether a line is being drawn; where the target is a drawn one, `begin` begins another. */
function mayDraw(begin) {
  if (!page.line && begin && at("target").value === "drawn") startDrawing();
  return Boolean(page.line);
}

function layPenDown() {
  page.line = null;
  at("drawing").hidden = true;
  at("plane").classList.remove("drawing");
  at("plane").tabIndex = -1;
}

function endDrawing() {
  const corners = page.line.corners;
  page.line = null; // another one can be begun at any time
  const length = corners.slice(1).reduce((total, [x, y], k) => total + Math.hypot(x - corners[k][0], y - corners[k][1]), 0);
  if (length < 0.5) return startDrawing(); // a dot is no line
  send("setTarget", { target: corners, view: page.view });
  setPlaying(true);
}

function movePen(place) {
  page.line.pen = place;
  if (page.line.down) page.line.corners.push(place);
  draw();
}

/** The point of the plane under a pointer. */
function placeOf(event) {
  const box = at("plane").getBoundingClientRect();
  const [left, right, bottom, top] = page.view;
  return [
    left + ((event.clientX - box.left) / box.width) * (right - left),
    top - ((event.clientY - box.top) / box.height) * (top - bottom),
  ];
}

function onKey(event) {
  if (!mayDraw(event.key in ARROWS || event.key === " ")) return;
  const [x, y] = page.line.pen;
  if (event.key in ARROWS) movePen([x + ARROWS[event.key][0], y + ARROWS[event.key][1]]);
  else if (event.key === " ") {
    page.line.down = !page.line.down;
    movePen(page.line.pen);
  } else if (event.key === "Enter") endDrawing();
  else return;
  event.preventDefault();
}

function connect() {
  for (const [name, preset] of Object.entries(PRESETS)) at("preset").add(new Option(preset.name, name));
  for (const name of ["dLr", "gLr"]) RATES.forEach((rate) => at(name).add(new Option(rate, String(rate))));
  at("preset").value = "published";
  at("preset").onchange = reset;
  at("seed").onchange = reset;
  at("reset").onclick = reset;
  at("play").onclick = () => setPlaying(at("play").textContent === "Play");
  for (const who of ["D", "G"]) {
    at(`step-${who.toLowerCase()}`).onclick = () => {
      setPlaying(false);
      send("once", { who });
    };
  }
  for (const name of ["batch", "dLr", "gLr", "gamma", "pace"]) {
    at(name).onchange = () => send("set", { name, value: Number(at(name).value) });
  }
  at("loss").onchange = () => send("set", { name: "loss", value: at("loss").value });
  at("frozen").onchange = () => send("set", { name: "frozen", value: at("frozen").checked });
  at("target").onchange = () => {
    const target = at("target").value;
    if (target === "drawn") return startDrawing();
    layPenDown();
    page.view = VIEWS[target];
    send("setTarget", { target, view: page.view });
  };
  const plane = at("plane");
  plane.onpointerdown = (event) => {
    if (!mayDraw(true)) return;
    plane.setPointerCapture(event.pointerId);
    page.line.down = true;
    page.line.corners = [];
    movePen(placeOf(event));
  };
  plane.onpointermove = (event) => page.line?.down && event.buttons && movePen(placeOf(event));
  plane.onpointerup = () => page.line?.down && endDrawing();
  plane.onkeydown = onKey;
  page.worker.onmessage = ({ data }) => receive(data);
  page.worker.onerror = ({ message }) => {
    at("says").textContent = `The training has stopped: ${message}. Begin anew.`;
  };
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(plane);
  connectBook(draw);
}

connect();
reset();

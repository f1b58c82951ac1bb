"use strict";
// The page: a plane of latent space, a walk, one number at a time, and the length of the vector.

const SIZE = 100; // numbers in a latent vector
const ADVICE = at("says").textContent; // while nothing is kept
const GENERATORS = {
  digits: { make: makeDigit, side: 28, channels: 1 },
  faces: { make: makeFace, side: 64, channels: 3 },
};

const space = {
  tensors: {},
  random: new Random(3),
  plane: null, // three latent vectors: the middle, and two directions
  place: [0, 0], // on the pad, each from -2 to 2
  kept: { start: null, end: null },
  walking: false,
  changed: null, // the number that was set by hand: [which, value]
};

/** The latent vector of a place: all have about the same length, as vectors of N(0, 1) do. */
function ofPlace([right, up]) {
  const [middle, first, second] = space.plane;
  const length = Math.sqrt(1 + right * right + up * up);
  return middle.map((value, k) => (value + right * first[k] + up * second[k]) / length);
}

/** The vector that is drawn, before it is made longer or shorter. */
function chosen() {
  const { start, end } = space.kept;
  const vector = space.walking ? slerp(start, end, Number(at("walk").value)) : ofPlace(space.place);
  if (space.changed) vector[space.changed[0]] = space.changed[1];
  return vector;
}

/** Open the file that a reader has chosen: outside the book, a page may read no other. */
async function openFile(event) {
  const name = at("name").value;
  try {
    const tensors = readTensors(new Uint8Array(await event.target.files[0].arrayBuffer()));
    GENERATORS[name].make(Array(SIZE).fill(0), tensors);
    space.tensors[name] = tensors;
    at("says").textContent = ADVICE;
  } catch {
    at("says").textContent = `This file is no generator of ${name}: open ${name}.safetensors.`;
  }
  event.target.value = "";
  draw();
}

function draw() {
  const name = at("name").value;
  const { make, side, channels } = GENERATORS[name];
  if (WEIGHTS[name]) space.tensors[name] ??= readTensors(bytesOf(WEIGHTS[name]));
  at("open-field").hidden = Boolean(space.tensors[name]);
  at("file").textContent = `generators/${name}.safetensors`;
  if (!space.tensors[name]) return;
  const vector = chosen();
  const truncation = Number(at("truncation").value);
  const start = performance.now();
  const pixels = make(vector.map((value) => truncation * value), space.tensors[name]);
  const milliseconds = performance.now() - start;
  drawPicture(pixels, side, channels);
  drawPad();
  showNumbers(vector, truncation, milliseconds);
}

function drawPicture(pixels, side, channels) {
  const canvas = at("picture");
  [canvas.width, canvas.height] = [side, side];
  const image = new ImageData(side, side);
  for (let p = 0; p < side * side; p++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * p + c] = 127.5 * (1 + pixels[(channels === 1 ? 0 : c) * side * side + p]);
    }
    image.data[4 * p + 3] = 255;
  }
  canvas.style.imageRendering = channels === 1 ? "pixelated" : "auto";
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawPad() {
  const { context, width, height } = wiped(at("pad"));
  context.strokeStyle = colour("edge");
  for (let line = 1; line < 4; line++) {
    context.strokeRect((line * width) / 4, -1, 0, height + 2);
    context.strokeRect(-1, (line * height) / 4, width + 2, 0);
  }
  const [right, up] = space.place;
  context.fillStyle = colour(space.walking ? "level" : "fake");
  context.beginPath();
  context.arc(((right + 2) / 4) * width, ((2 - up) / 4) * height, 9, 0, 2 * Math.PI);
  context.fill();
}

function showNumbers(vector, truncation, milliseconds) {
  const which = Number(at("which").value);
  at("truncation-value").textContent = truncation.toFixed(2);
  at("walk-value").textContent = `${Math.round(100 * at("walk").value)}%`;
  at("number").value = vector[which];
  at("number-value").textContent = vector[which].toFixed(1);
  const length = truncation * Math.sqrt(vector.reduce((total, value) => total + value * value, 0));
  const where = space.walking ? "On the walk" : `At ${space.place.map((x) => x.toFixed(1)).join(", ")}`;
  at("state").textContent = `${where}: a vector of length ${length.toFixed(1)}, drawn in ${milliseconds.toFixed(0)} ms.`;
}

function moveTo(place) {
  space.place = place.map((value) => Math.min(2, Math.max(-2, value)));
  space.walking = false;
  space.changed = null;
  draw();
}

function anotherPlane() {
  space.plane = [0, 1, 2].map(() => [...space.random.normals(SIZE)]);
  moveTo([0, 0]);
}

function keep(which) {
  space.kept[which] = chosen();
  const both = space.kept.start && space.kept.end;
  at("walk").disabled = !both;
  at("says").textContent = both
    ? "Move along the walk from the start to the end."
    : `Kept as ${which}. Go elsewhere, and keep the other.`;
}

function onPointer(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const box = at("pad").getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  moveTo([4 * x - 2, 2 - 4 * y]);
}

function onKey(event) {
  if (!(event.key in ARROWS)) return;
  moveTo(space.place.map((value, axis) => value + ARROWS[event.key][axis]));
  event.preventDefault();
}

function connect() {
  for (let k = 0; k < SIZE; k++) at("which").add(new Option(`number ${k + 1}`, k));
  at("name").onchange = draw;
  at("truncation").oninput = draw;
  at("which").onchange = draw;
  at("number").oninput = () => {
    space.changed = [Number(at("which").value), Number(at("number").value)];
    draw();
  };
  at("walk").oninput = () => {
    space.walking = true;
    space.changed = null;
    draw();
  };
  at("open").onchange = openFile;
  at("other").onclick = anotherPlane;
  at("keep-start").onclick = () => keep("start");
  at("keep-end").onclick = () => keep("end");
  Object.assign(at("pad"), { onpointerdown: onPointer, onpointermove: onPointer, onkeydown: onKey });
  new ResizeObserver(() => requestAnimationFrame(drawPad)).observe(at("pad"));
  connectBook(draw);
}

connect();
if (location.hash.slice(1) in GENERATORS) at("name").value = location.hash.slice(1);
anotherPlane();

"use strict";
// The stored generators of lessons 02 and 03, forward: weights as safetensors, images as numbers
// from -1 to 1. The weights come as text from scripts beside this page: one opened from a file may
// read no other file.

const WEIGHTS = {}; // by name: the file of a generator in base64

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** Read a safetensors file: the length of a head in JSON, the head, then the numbers of each. */
function readTensors(bytes) {
  const view = new DataView(bytes.buffer);
  const start = 8 + view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(head)) {
    if (dtype !== "F16") continue; // the head's own words, and counts of batch norm
    const values = new Float32Array((offsets[1] - offsets[0]) / 2);
    for (let k = 0; k < values.length; k++) {
      values[k] = halfToNumber(view.getUint16(start + offsets[0] + 2 * k, true));
    }
    tensors[name] = { values, shape };
  }
  return tensors;
}

/** The number that 16 bits stand for: a sign, 5 bits of exponent and 10 of mantissa. */
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** x [outputs, places] after batch norm in evaluation mode, in place. Lesson 03, section 5. */
function batchNorm(x, layer, tensors, eps) {
  const part = (name) => tensors[`layers.${layer}.${name}`].values;
  const [gain, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(part);
  const places = x.length / gain.length;
  for (let c = 0; c < gain.length; c++) {
    const scale = gain[c] / Math.sqrt(variance[c] + eps);
    for (let p = c * places; p < (c + 1) * places; p++) x[p] = (x[p] - mean[c]) * scale + shift[c];
  }
}

/** Map a latent vector to a digit [28 * 28]: the generator of lesson 02. */
function makeDigit(latent, tensors) {
  let x = Float32Array.from(latent);
  for (const layer of [0, 3, 6, 9]) {
    const { values, shape } = tensors[`layers.${layer}.weight`];
    const result = Float32Array.from(tensors[`layers.${layer}.bias`].values);
    for (let o = 0; o < shape[0]; o++) {
      let total = result[o];
      for (let i = 0; i < shape[1]; i++) total += values[o * shape[1] + i] * x[i];
      result[o] = total;
    }
    x = result;
    if (layer === 9) return x.map(Math.tanh);
    for (let k = 0; k < x.length; k++) x[k] = x[k] > 0 ? x[k] : 0.2 * x[k];
    batchNorm(x, layer + 2, tensors, 1e-3);
  }
}

/** Map a latent vector to a face [3, 64, 64]: the generator of lesson 03, section 4. */
function makeFace(latent, tensors) {
  let x = Float32Array.from(latent);
  let size = 1;
  for (const layer of [0, 3, 6, 9, 12]) {
    x = transposedConvolution(x, size, tensors[`layers.${layer}.weight`], size === 1 ? 0 : 1);
    size = size === 1 ? 4 : 2 * size;
    if (layer === 12) return x.map(Math.tanh);
    batchNorm(x, layer + 1, tensors, 1e-5);
    for (let k = 0; k < x.length; k++) x[k] = Math.max(0, x[k]);
  }
}

/**
 * x [inputs, size, size] by a transposed convolution with 4 x 4 weights, stride 2 and padding 1; a
 * latent vector (size 1) has no padding. Each input paints its weights, times itself, around its
 * place. Lesson 03, section 3.
 */
function transposedConvolution(x, size, { values, shape: [inputs, outputs] }, padding) {
  const wide = size === 1 ? 4 : 2 * size;
  const result = new Float32Array(outputs * wide * wide);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < 16; k++) {
        const weight = values[(i * outputs + o) * 16 + k];
        const [down, right] = [(k >> 2) - padding, (k & 3) - padding];
        const from = Math.max(0, Math.ceil(-right / 2));
        const to = Math.min(size, Math.ceil((wide - right) / 2));
        for (let y = 0; y < size; y++) {
          const row = 2 * y + down;
          if (row < 0 || row >= wide) continue;
          const [source, target] = [(i * size + y) * size, (o * wide + row) * wide + right];
          for (let column = from; column < to; column++) {
            result[target + 2 * column] += weight * x[source + column];
          }
        }
      }
    }
  }
  return result;
}

/** From one latent vector to another along the arc between their directions: lesson 02, section 7. */
function slerp(start, end, share) {
  const dot = (a, b) => a.reduce((total, value, k) => total + value * b[k], 0);
  const cosine = dot(start, end) / Math.sqrt(dot(start, start) * dot(end, end));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (Math.sin(angle) < 1e-4) return start.map((value, k) => (1 - share) * value + share * end[k]);
  const [before, after] = [Math.sin((1 - share) * angle), Math.sin(share * angle)];
  return start.map((value, k) => (before * value + after * end[k]) / Math.sin(angle));
}

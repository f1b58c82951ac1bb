"use strict";
// The recipes of lesson 01, and what each preset of the page changes while it trains.

const PUBLISHED = {
  batch: 32,
  gLr: 1e-3,
  dLr: 1e-3,
  betas: [0.9, 0.999],
  loss: "nonsaturating",
  gamma: 0, // weight of R1
  ema: 0, // decay of the average; 0 is none
  steps: 0, // when rates have fallen to 0; 0 is never
};

const HOUSE = { ...PUBLISHED, gLr: 3e-3, dLr: 3e-3, betas: [0.5, 0.99], gamma: 0.3, ema: 0.999, steps: 9600 };
const CONSTANT = { ...HOUSE, ema: 0, steps: 0 };

/** `events`: after so many steps, a setting changes by itself. `play`: until when it trains. */
const PRESETS = {
  published: {
    name: "as published (section 8)",
    recipe: PUBLISHED,
    target: "sine",
    says: "The published recipe finds the curve and does not stay there: the points go on swinging around it.",
  },
  house: {
    name: "house: R1, falling rates, average (section 10)",
    recipe: HOUSE,
    target: "sine",
    says: "The same networks with R1, rates that fall to 0 in 9,600 steps, and an average of the generator.",
  },
  collapse: {
    name: "collapse: D freezes at step 1,500 (section 11)",
    recipe: CONSTANT,
    target: "sine",
    events: [[1500, "frozen", true]],
    says: "After 1,500 steps the discriminator stops learning. The generator sends all points to where D is highest, in the end out of the picture: slow down at step 1,500 to watch them go.",
  },
  repair: {
    name: "repair: D learns again at step 2,000 (section 11)",
    recipe: CONSTANT,
    target: "sine",
    events: [[1500, "frozen", true], [2000, "frozen", false]],
    says: "The discriminator freezes at step 1,500 and learns again at step 2,000.",
  },
  ring: {
    name: "eight modes, published, saturating loss (section 17)",
    recipe: { ...PUBLISHED, loss: "saturating" },
    target: "ring",
    says: "Points in eight places. How many of them does the generator find?",
  },
  "ring with R1": {
    name: "eight modes with R1 (section 17)",
    recipe: { ...PUBLISHED, gamma: 0.3 },
    target: "ring",
    says: "The same eight places, and a discriminator that is kept flat where points are real.",
  },
};

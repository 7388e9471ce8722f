import { type Corruption, perImage } from "./corruption-kernel.ts";

/** Normal noise on every value, as from low light. */
export const gaussianNoise: Corruption = perImage("gaussian_noise", (_shape, { sigma }) => {
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) output[i] = input[i]! + sigma * random.gaussian();
  };
});

/** Poisson noise: the grain of counted light. */
export const shotNoise: Corruption = perImage("shot_noise", (_shape, { photons }) => {
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) output[i] = random.poisson(input[i]! * photons) / photons;
  };
});

/** Salt and pepper: single values become 0 or 1. */
export const impulseNoise: Corruption = perImage("impulse_noise", (_shape, { share }) => {
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) {
      const hit = random.uniform() < share;
      const salt = random.uniform() < 0.5;
      output[i] = hit ? Number(salt) : input[i]!;
    }
  };
});

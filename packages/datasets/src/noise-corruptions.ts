import { atSeverity, type Corruption, perImage } from "./corruption-kernel.ts";

// Severity tables: Hendrycks & Dietterich 2019, CIFAR-10-C.

/** Normal noise on every value, as from low light. */
export const gaussianNoise: Corruption = perImage("gaussian_noise", (_shape, severity) => {
  const sigma = atSeverity([0.04, 0.06, 0.08, 0.09, 0.1], severity);
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) output[i] = input[i]! + sigma * random.gaussian();
  };
});

/** Poisson noise: the grain of counted light. */
export const shotNoise: Corruption = perImage("shot_noise", (_shape, severity) => {
  const photons = atSeverity([500, 250, 100, 75, 50], severity);
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) output[i] = random.poisson(input[i]! * photons) / photons;
  };
});

/** Salt and pepper: single values become 0 or 1. */
export const impulseNoise: Corruption = perImage("impulse_noise", (_shape, severity) => {
  const share = atSeverity([0.01, 0.02, 0.03, 0.05, 0.07], severity);
  return (input, output, random) => {
    for (let i = 0; i < input.length; i++) {
      const hit = random.uniform() < share;
      const salt = random.uniform() < 0.5;
      output[i] = hit ? Number(salt) : input[i]!;
    }
  };
});

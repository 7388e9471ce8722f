export { withFoldedNorms } from "../test-support/folded-norms.ts";
export { hogEnvironment } from "../test-support/hog-environment.ts";
export { type TfjsStepOptions, timeTfjsStep } from "./time-tfjs-step.ts";

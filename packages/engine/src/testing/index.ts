export { hogEnvironment } from "../test-support/hog-environment.ts";
export { type TfjsStepOptions, timeTfjsStep } from "./time-tfjs-step.ts";

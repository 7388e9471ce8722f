export { type TfjsStepOptions, timeTfjsStep } from "./time-tfjs-step.ts";

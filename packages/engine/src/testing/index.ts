export { type StepTiming, type TfjsStepOptions, timeTfjsStep } from "./time-tfjs-step.ts";

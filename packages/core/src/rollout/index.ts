export {
  commandRollout,
  conflictRollout,
  ROLLOUT_COMMANDS,
  type RolloutCommand,
  withHookAnswer,
  withHookPassed,
} from "./commands.ts";
export { starvedGroups } from "./disruption.ts";
export { type DeviceEstimate, forecastRollout } from "./forecast.ts";
export { type Measured as GateMeasured, withMeasurement } from "./gates.ts";
export { hookAddress } from "./hook-address.ts";
export type { DeviceFacts, GroupFacts, Outcome, Rollout, RolloutAction, RolloutFacts } from "./machine.ts";
export { newDevice, newRollout, withGiven } from "./new-rollout.ts";
export { MAX_SPEC_LENGTH, parseRolloutSpec, rolloutFaults, rolloutJsonSchema } from "./read-spec.ts";
export { isTouched } from "./roll-back.ts";
export {
  DEVICE_STATES,
  type DeviceProgress,
  type DeviceState,
  deviceProgressSchema,
  FAILED_STATES,
  FINAL_PHASES,
  type GateState,
  gateStateSchema,
  type Hook,
  type Measurement,
  ROLLOUT_PHASES,
  type RolloutPhase,
  type RolloutState,
  rolloutStateSchema,
  WAVE_STATES,
} from "./rollout-state.ts";
export {
  GATE_METRICS,
  type GateMetric,
  type GateSpec,
  MAX_WAVES,
  type RolloutSpec,
  type WaveSpec,
  waveOf,
} from "./spec.ts";
export { stepRollout } from "./step.ts";
export { waitsFor } from "./waits-for.ts";
export { divideDevices } from "./waves.ts";

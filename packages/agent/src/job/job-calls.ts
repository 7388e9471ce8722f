import type { StepReport } from "@mpo/engine";
import type {
  CheckJob,
  CheckResult,
  ProbeJob,
  ProbeResult,
  RetrainJob,
  RetrainOutcome,
} from "../ports/agent-engine.ts";

/** What a job's process can be asked: one thing, then it is ended. */
export interface JobCalls {
  readonly probe: { readonly request: ProbeJob; readonly answer: ProbeResult; readonly progress: StepReport };
  readonly check: { readonly request: CheckJob; readonly answer: CheckResult; readonly progress: StepReport };
  readonly retrain: { readonly request: RetrainJob; readonly answer: RetrainOutcome; readonly progress: StepReport };
}

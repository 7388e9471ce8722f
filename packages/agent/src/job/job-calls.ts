import type { StepReport } from "@mpo/engine";
import type { ProbeJob, ProbeResult, RetrainJob, RetrainOutcome } from "../ports/agent-engine.ts";

/** What a job's process can be asked: one thing, then it is ended. */
export interface JobCalls {
  readonly probe: { readonly request: ProbeJob; readonly answer: ProbeResult; readonly progress: StepReport };
  readonly retrain: { readonly request: RetrainJob; readonly answer: RetrainOutcome; readonly progress: StepReport };
}

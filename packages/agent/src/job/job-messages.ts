import type { MpoErrorCode } from "@mpo/core";
import type { StepReport } from "@mpo/engine";
import type { ProbeJob, ProbeResult, RetrainJob, RetrainOutcome } from "../ports/agent-engine.ts";

/** What a job process is asked: one thing, then it ends. */
export type JobRequest =
  | { readonly kind: "probe"; readonly job: ProbeJob }
  | { readonly kind: "retrain"; readonly job: RetrainJob };

/** What it answers, by kind of request. */
export interface JobAnswers {
  readonly probe: ProbeResult;
  readonly retrain: RetrainOutcome;
}

export type FromJob =
  | { readonly kind: "answer"; readonly body: JobAnswers[keyof JobAnswers] }
  | { readonly kind: "progress"; readonly report: StepReport }
  | {
      readonly kind: "error";
      readonly error: { readonly code: MpoErrorCode; readonly message: string; readonly hint: string | undefined };
    };

import type { MpoErrorCode } from "@mpo/core";

/** What a process can be asked. Values travel by structured clone. */
export interface CallType {
  readonly request: unknown;
  readonly answer: unknown;
  /** What it may send before its answer, any number of times. */
  readonly progress?: unknown;
}

/** The calls of a process, by kind: `Calls extends CallTypes<Calls>`. */
export type CallTypes<Calls> = { readonly [Kind in keyof Calls]: CallType };

export type ProgressOf<Call> = Call extends { readonly progress: infer Progress } ? Progress : never;

/** To the process: a call, or the wish that a call stop soon. */
export type ToChild =
  | { readonly id: number; readonly kind: string; readonly body: unknown }
  | { readonly id: number; readonly kind: "cancel" };

export type FromChild =
  | { readonly id: number; readonly kind: "answer"; readonly body: unknown }
  | { readonly id: number; readonly kind: "progress"; readonly body: unknown }
  | {
      readonly id: number;
      readonly kind: "error";
      readonly error: { readonly code: MpoErrorCode; readonly message: string; readonly hint: string | undefined };
    };

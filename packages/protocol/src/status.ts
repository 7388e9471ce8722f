import { MPO_ERROR_CODES, MpoError, type MpoErrorCode } from "@mpo/core";

/** gRPC's status codes (grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

const STATUS_OF: Readonly<Record<MpoErrorCode, number>> = {
  "invalid-argument": GRPC_STATUS.invalidArgument,
  "invalid-data": GRPC_STATUS.invalidArgument,
  "not-found": GRPC_STATUS.notFound,
  "already-exists": GRPC_STATUS.alreadyExists,
  "precondition-failed": GRPC_STATUS.failedPrecondition,
  "over-budget": GRPC_STATUS.resourceExhausted,
  "over-memory-cap": GRPC_STATUS.resourceExhausted,
  "worker-crashed": GRPC_STATUS.internal,
  "worker-killed": GRPC_STATUS.resourceExhausted,
  "timed-out": GRPC_STATUS.deadlineExceeded,
  cancelled: GRPC_STATUS.cancelled,
  unavailable: GRPC_STATUS.unavailable,
  unauthenticated: GRPC_STATUS.unauthenticated,
  "permission-denied": GRPC_STATUS.permissionDenied,
  conflict: GRPC_STATUS.aborted,
  unsupported: GRPC_STATUS.unimplemented,
  internal: GRPC_STATUS.internal,
};

/** What a status means when it comes without our code: from grpc-js itself, a proxy, or another implementation. */
const CODE_OF: ReadonlyMap<number, MpoErrorCode> = new Map<number, MpoErrorCode>([
  [GRPC_STATUS.cancelled, "cancelled"],
  [GRPC_STATUS.invalidArgument, "invalid-argument"],
  [GRPC_STATUS.deadlineExceeded, "timed-out"],
  [GRPC_STATUS.notFound, "not-found"],
  [GRPC_STATUS.alreadyExists, "already-exists"],
  [GRPC_STATUS.permissionDenied, "permission-denied"],
  // Quotas pass; a message over the size limit is recognised below.
  [GRPC_STATUS.resourceExhausted, "unavailable"],
  [GRPC_STATUS.failedPrecondition, "precondition-failed"],
  [GRPC_STATUS.aborted, "conflict"],
  [GRPC_STATUS.outOfRange, "invalid-argument"],
  [GRPC_STATUS.unimplemented, "unsupported"],
  [GRPC_STATUS.unavailable, "unavailable"],
  [GRPC_STATUS.dataLoss, "invalid-data"],
  [GRPC_STATUS.unauthenticated, "unauthenticated"],
]);

const CODE_KEY = "mpo-code";
/** gRPC carries bytes under keys that end so: hints may hold any character. */
const HINT_KEY = "mpo-hint-bin";

/** A failed call as gRPC reports it. */
export interface WireStatus {
  readonly code: number;
  readonly details: string;
  /** Trailing metadata: texts, and bytes under keys that end in "-bin". */
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
}

const MAX_DETAILS = 1024;

/**
 * The status for anything thrown. An `MpoError` keeps its code, message and hint. Anything else is a bug: the caller
 * only learns that it happened.
 */
export function statusFromError(thrown: unknown): WireStatus {
  const isOurs = thrown instanceof MpoError;
  const error = MpoError.from(thrown);
  const isBug = !isOurs && error.code === "internal";
  const details = isBug ? "internal error; see the coordinator's log" : error.message;
  const hint = error.hint === undefined ? {} : { [HINT_KEY]: Buffer.from(error.hint.slice(0, MAX_DETAILS)) };
  return {
    code: STATUS_OF[error.code],
    details: details.slice(0, MAX_DETAILS),
    metadata: { [CODE_KEY]: error.code, ...hint },
  };
}

/**
 * The error of a failed call. Our own code counts only if it goes with the status, so that a wrong or forged one cannot
 * turn a refusal into something that is retried.
 */
export function errorFromStatus(status: WireStatus, cause?: unknown): MpoError {
  const sent = MPO_ERROR_CODES.find((code) => code === own(status, CODE_KEY));
  const isTooLarge = status.code === GRPC_STATUS.resourceExhausted && /larger than max/u.test(status.details);
  const derived = isTooLarge ? "invalid-argument" : (CODE_OF.get(status.code) ?? "internal");
  const code = sent !== undefined && STATUS_OF[sent] === status.code ? sent : derived;
  const hint = own(status, HINT_KEY);
  return new MpoError(code, status.details === "" ? `the call failed with status ${status.code}` : status.details, {
    hint: hint instanceof Uint8Array ? Buffer.from(hint).toString("utf8").slice(0, MAX_DETAILS) : undefined,
    cause,
  });
}

function own(status: WireStatus, key: string): string | Uint8Array | undefined {
  return Object.hasOwn(status.metadata, key) ? status.metadata[key] : undefined;
}

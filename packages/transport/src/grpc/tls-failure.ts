import { hasCode, type MpoError, type MpoErrorCode } from "@mpo/core";

/** How grpc-js (1.14.7), Node and OpenSSL name a failure of TLS, and what it is. */
const FAILURES: readonly {
  readonly text: RegExp;
  readonly isTls: boolean;
  readonly code: MpoErrorCode;
  readonly says: (target: string) => string;
  readonly hint: string;
}[] = [
  {
    text: /self[- ]signed certificate|unable to (?:get (?:local )?issuer|verify the first) certificate|certificate signature failure/u,
    ...{ isTls: true, code: "unauthenticated" },
    says: (target) => `the coordinator at ${target} shows a certificate of another authority`,
    hint: "Check the address. If the fleet has a new authority, join it again with a new line (`mpo agent join @FILE --again`), or give its certificate with --ca.",
  },
  {
    text: /certificate has expired/u,
    ...{ isTls: true, code: "unauthenticated" },
    says: (target) => `the certificate of the coordinator at ${target} has expired`,
    hint: "Check this machine's clock first, then the coordinator's.",
  },
  {
    text: /certificate is not yet valid/u,
    ...{ isTls: true, code: "unauthenticated" },
    says: (target) => `the certificate of the coordinator at ${target} is not valid yet`,
    hint: "Check this machine's clock first, then the coordinator's.",
  },
  {
    text: /does not match certificate's altnames|certificate purpose/u,
    ...{ isTls: true, code: "unauthenticated" },
    says: (target) => `what answers at ${target} is of this fleet, and not a coordinator`,
    hint: "Check the address.",
  },
  {
    text: /^Protocol not secure enough$/u,
    ...{ isTls: true, code: "unauthenticated" },
    says: (target) =>
      `the coordinator at ${target} refuses this machine's certificate: expired, or of another authority`,
    hint: "Check this machine's clock. If it is right, join the fleet again with a new line: `mpo agent join @FILE --again`.",
  },
  {
    text: /wrong version number|packet length too long|no application protocol|unexpected message/u,
    ...{ isTls: true, code: "unavailable" },
    says: (target) => `what answers at ${target} speaks no TLS, or is not a coordinator`,
    hint: "Check the address. A coordinator that was started with --insecure is reached with --insecure.",
  },
  {
    text: /closed the connection at once/u,
    ...{ isTls: false, code: "unavailable" },
    says: (target) => `what answers at ${target} closed the connection at once: it may speak TLS only`,
    hint: "A coordinator speaks TLS unless it was started with --insecure: leave --insecure away here too.",
  },
];

/** The failure of a call in words that say what is wrong with TLS; undefined: nothing is. */
export function tlsFailure(error: MpoError, target: string, isTls: boolean): MpoError | undefined {
  if (!hasCode(error, "unavailable", "permission-denied")) return undefined;
  const failure = FAILURES.find((each) => each.isTls === isTls && each.text.test(error.message));
  return failure && error.with({ code: failure.code, message: failure.says(target), hint: failure.hint });
}

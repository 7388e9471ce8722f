import { MpoError } from "@mpo/core";
import type { DeviceIdentity, EnrollRequest } from "@mpo/protocol";
import type { FleetAuthority } from "./authority.ts";
import type { EnrolmentRecord, Issued } from "./enrolment-record.ts";
import type { JoinTokenRecord } from "./join-tokens.ts";

/** By what a device that asks is known. */
export interface EnrolmentProof {
  readonly keyDigest: string;
  /** Who it is, where another authority says so. */
  readonly identity?: DeviceIdentity;
  /** Its certificate, once it is accepted. */
  issue(identity: DeviceIdentity): Promise<Issued>;
}

/**
 * A device asks for a certificate of its key, or brings one that another authority has issued. Throws `unauthenticated`
 * where it does neither.
 */
export async function proofOf(
  authority: FleetAuthority,
  { certificateRequest }: Pick<EnrollRequest, "certificateRequest">,
  certificate: Buffer | undefined,
): Promise<EnrolmentProof> {
  if (certificateRequest !== undefined) {
    const key = await authority.readRequest(certificateRequest);
    return { keyDigest: key.keyDigest, issue: (identity) => authority.issue(key, identity) };
  }
  const shown = certificate && authority.deviceOf(certificate);
  if (shown === undefined || shown.isOwn) {
    throw new MpoError("unauthenticated", "the request to join has no certificate request", {
      hint: "Update the agent: this coordinator wants devices to prove who they are.",
    });
  }
  const { tenant, device, keyDigest, notAfterMs: endsAtMs } = shown;
  return { keyDigest, identity: { tenant, device }, issue: () => Promise.resolve({ endsAtMs }) };
}

/** Where another authority says who a device is, nothing else may: throws `unauthenticated` and `already-exists`. */
export function requireOwnName(
  { identity }: EnrolmentProof,
  known: Pick<EnrolmentRecord, "identity"> | undefined,
  token: Pick<JoinTokenRecord, "tenant" | "device"> | undefined,
): void {
  if (identity === undefined) return;
  const who = `device ${identity.device} of tenant ${identity.tenant}`;
  const isNamed = (name: { readonly tenant: string; readonly device?: string | undefined }): boolean =>
    name.tenant === identity.tenant && (name.device ?? identity.device) === identity.device;
  if (token !== undefined && !isNamed(token)) {
    throw new MpoError("unauthenticated", `the token is not for ${who}`);
  }
  if (known !== undefined && !isNamed(known.identity)) {
    throw new MpoError("already-exists", `the key of ${who} is known as device ${known.identity.device}`, {
      hint: `If it has another name now: mpo devices remove ${known.identity.device}.`,
    });
  }
}

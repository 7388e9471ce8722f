import { MpoError } from "@mpo/core";
import { isOpenCall } from "@mpo/protocol";
import type { Identify } from "@mpo/transport";
import type { Identities } from "./identities.ts";
import type { Person } from "./person.ts";

/**
 * Proves people who bring no token of ours: of an identity provider. Throws `unauthenticated`, `permission-denied`, or
 * `unavailable` where the provider would have to say more.
 */
export type VerifyPerson = (token: string, signal?: AbortSignal) => Promise<Person>;

const OUR_TOKEN = "mpo_";

/**
 * Who calls, from what the connection proves: a device from its certificate, as long as it is part of the fleet; a person
 * or program from its token. What a message says counts for nothing.
 */
export function identifyBy(
  { authority, enrolments, accessTokens }: Pick<Identities, "authority" | "enrolments" | "accessTokens">,
  clock: { now(): number },
  verifyPerson: VerifyPerson | undefined,
): Identify {
  return {
    device: ({ certificate }, path) => {
      // A device that has no certificate, or one that is no longer good, may ask for one.
      if (isOpenCall(path)) return undefined;
      if (certificate === undefined) {
        throw new MpoError("unauthenticated", "the device has shown no certificate", {
          hint: "It has to join the fleet first: mpo agent --join.",
        });
      }
      const device = authority.deviceOf(certificate);
      if (clock.now() >= device.notAfterMs) {
        throw new MpoError("unauthenticated", `the certificate of device ${device.device} has expired`, {
          hint: "It renews it by itself.",
        });
      }
      enrolments.requireAccepted(device, device.keyDigest);
      return `${device.tenant}.${device.device}`;
    },
    person: ({ bearer }, path) => {
      if (bearer === undefined) {
        if (isOpenCall(path)) return undefined;
        throw new MpoError("unauthenticated", "this call needs an access token", { hint: "Log in: mpo login." });
      }
      if (bearer.startsWith(OUR_TOKEN) || verifyPerson === undefined) return accessTokens.personOf(bearer);
      return verifyPerson(bearer);
    },
  };
}

import type { Abortable, Clock } from "@mpo/io";
import type { EnrollRequest, EnrollResponse } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import type { FleetAnchor } from "./joining.ts";

/** What a device without a certificate can do with a fleet. */
export interface FleetDoor {
  /** The authority of the fleet, as PEM. Throws `unauthenticated` when only others answer. */
  authorityAt(coordinators: readonly string[], anchor: FleetAnchor, options: Abortable): Promise<string>;
  /** Asks to be part of it, or for new credentials; speaks only to a coordinator that the authority vouches for. */
  enroll(
    request: EnrollRequest,
    to: { readonly coordinators: readonly string[]; readonly caPem: string },
    options: Abortable,
  ): Promise<EnrollResponse>;
}

/** Over TLS, without a certificate of one's own: a request is signed with the key that it is for. */
export function fleetDoor(common: {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}): FleetDoor {
  return {
    authorityAt: async (coordinators, anchor, options) => {
      if ("caPem" in anchor) return anchor.caPem;
      const { findAuthority } = await import("@mpo/transport");
      const say = (coordinator: string, err: unknown): void => {
        if (coordinators.length > 1) common.logger.warn("one coordinator cannot be joined", { coordinator, err });
      };
      return (await findAuthority(coordinators, anchor.caDigest, say, options)).caPem;
    },
    enroll: async (request, { coordinators, caPem }, options) => {
      const { createFleetClient, steadyTls } = await import("@mpo/transport");
      const tls = steadyTls(() => ({ caPem }));
      const client = createFleetClient({ targets: coordinators, tls, retries: coordinators.length - 1, ...common });
      try {
        return await client.enroll(request, options);
      } finally {
        client.close();
      }
    },
  };
}

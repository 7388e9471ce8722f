/** How a device gets into a fleet. */
export interface Joining {
  /** Of coordinators, "host:port"; empty: where they were reached the last time. */
  readonly coordinators: readonly string[];
  /** Whom to believe before the fleet itself has said. Absent: only a device that is part of it already gets in. */
  readonly authority?: FleetAnchor | undefined;
  /** Lets the device in; without it an admin has to. Secret. */
  readonly token?: string | undefined;
}

/** The certificates of a fleet's authority, or the fingerprint of one. */
export type FleetAnchor = { readonly caPem: string } | { readonly caDigest: string };

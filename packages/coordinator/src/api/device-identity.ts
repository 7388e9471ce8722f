import type { DeviceIdentity } from "@mpo/protocol";

/** What a connection proves of who is at its other end. */
export interface PeerFacts {
  /** Address, for logs. */
  readonly peer?: string;
}

/**
 * Who a device is: the one place that says so. Until devices have certificates it is what the message says, which is why
 * the listeners stay on loopback; with them, the name in the certificate must be that of the message.
 */
export function deviceIdentityOf(claimed: DeviceIdentity, _facts: PeerFacts): DeviceIdentity {
  return claimed;
}

import { MpoError } from "@mpo/core";
import type { DeviceIdentity } from "@mpo/protocol";

/** What the connection proves of who is at its other end. */
export interface PeerFacts {
  /** "<tenant>.<device>", as the listener has found out; absent: it did not ask. */
  readonly deviceId?: string | undefined;
  /** Its address; absent: not known. */
  readonly peer?: string;
  /** Its certificate (DER), which TLS has verified; absent: it showed none. */
  readonly certificate?: Buffer | undefined;
}

/**
 * Who a device is: the one place that says so. Until devices have certificates the listener believes what the message
 * says, which is why it stays on loopback; with them, a message that names another device is refused here. Throws
 * `unauthenticated`.
 */
export function deviceIdentityOf(claimed: DeviceIdentity, { deviceId }: PeerFacts): DeviceIdentity {
  if (deviceId === undefined || deviceId === `${claimed.tenant}.${claimed.device}`) return claimed;
  throw new MpoError(
    "unauthenticated",
    `the caller is ${deviceId}, and speaks for ${claimed.tenant}.${claimed.device}`,
  );
}

/** Heartbeats that a coordinator wants to be sent in a second by all devices together: each is a write to the store. */
const HEARTBEATS_PER_SECOND = 100;

/**
 * How often devices are to say that they are there, seconds: as was set, or more seldom in a fleet so large that
 * heartbeats alone would fill a coordinator's time. Every coordinator of a store knows the same number of devices.
 */
export function heartbeatSecondsOf(setSeconds: number, deviceCount: number): number {
  return Math.max(setSeconds, Math.ceil(deviceCount / HEARTBEATS_PER_SECOND));
}

/** Whether a device counts as there: it was heard of within two heartbeats. */
export function isOnline(lastSeenMs: number, nowMs: number, heartbeatSeconds: number): boolean {
  return nowMs - lastSeenMs <= 2 * heartbeatSeconds * 1000;
}

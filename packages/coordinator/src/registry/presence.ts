/** Whether a device counts as there: it was heard of within two heartbeats. */
export function isOnline(lastSeenMs: number, nowMs: number, heartbeatSeconds: number): boolean {
  return nowMs - lastSeenMs <= 2 * heartbeatSeconds * 1000;
}

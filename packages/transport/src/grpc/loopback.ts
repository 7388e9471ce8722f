import { isIPv4 } from "node:net";

/** Whether an address is this machine's own. Names are not looked up: they may change. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

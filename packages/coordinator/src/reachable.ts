import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** "host:port", with brackets around IPv6. */
export function targetOf(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether a listener takes connections on all addresses of the machine. */
function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** By which host this machine itself reaches a listener. */
export function hereOf(host: string): string {
  if (!isEverywhere(host)) return host;
  return host === "::" ? "::1" : "127.0.0.1";
}

/** By which hosts others reach a listener: where it listens, or the machine's addresses where it listens on all. */
export function reachableHosts(host: string): readonly string[] {
  if (!isEverywhere(host)) return [host];
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    // Those that are of one link only need its name beside them.
    .filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0)
    .filter(({ family }) => host === "::" || family === "IPv4")
    .map(({ address }) => address);
  return found.length > 0 ? found : [hereOf(host)];
}

import { isIPv4, isIPv6 } from "node:net";

/** "host:port", with brackets around IPv6. */
export function targetOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Of "host:port", without brackets. */
export function hostOf(target: string): string {
  return target.replace(/:\d+$/u, "").replace(/^\[(.*)\]$/u, "$1");
}

/** The two of "host:port". */
export function addressOf(target: string): { readonly host: string; readonly port: number } {
  return { host: hostOf(target), port: Number(/\d+$/u.exec(target)?.[0]) };
}

/** Whether an address is this machine's own. Names are not looked up: they may change. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Whether a listener takes connections on all addresses of its machine. */
export function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** By which host a listener's own machine reaches it. */
export function hereOf(host: string): string {
  if (!isEverywhere(host)) return host;
  return host === "::" ? "::1" : "127.0.0.1";
}

/** Whether nobody can read or change what crosses to a URL: it goes over TLS, or stays on this machine. */
export function isPrivateUrl(text: string): boolean {
  const { protocol, host } = URL.canParse(text) ? new URL(text) : { protocol: "", host: "" };
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostOf(host)));
}

import { isIPv4 } from "node:net";

/** Whether an address is this machine's own. Names are not looked up: they may change. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Whether nobody can read or change what crosses to a URL: it goes over TLS, or stays on this machine. */
export function isPrivateUrl(text: string): boolean {
  const { protocol, hostname } = URL.canParse(text) ? new URL(text) : { protocol: "", hostname: "" };
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname.replace(/^\[(.*)\]$/u, "$1")));
}

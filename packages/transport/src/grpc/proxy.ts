import { BlockList, isIPv4 } from "node:net";
import { hostOf, isLoopback } from "@mpo/io";

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy through which gRPC connects. */
export interface ProxyInUse {
  /** "host:port". */
  readonly address: string;
  /** The environment variable that names it. */
  readonly variable: string;
}

/**
 * The proxy through which grpc-js (1.14.7, http_proxy.ts) reaches "host:port"; undefined: none. Its rules, and one of ours:
 * this machine itself is never reached through a proxy.
 */
export function proxyFor(target: string, environment: Environment = process.env): ProxyInUse | undefined {
  const host = hostOf(target);
  if (isLoopback(host)) return undefined;
  const variable = ["grpc_proxy", "https_proxy", "http_proxy"].find((name) => (environment[name] ?? "") !== "");
  if (variable === undefined) return undefined;
  const text = environment[variable] ?? "";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || isExcepted(host, environment)) return undefined;
  return { variable, address: `${url.hostname}:${url.port === "" ? "80" : url.port}` };
}

function isExcepted(host: string, environment: Environment): boolean {
  const list = environment["no_grpc_proxy"] || environment["no_proxy"] || "";
  return list.split(",").some((entry) => {
    if (entry === "") return false;
    const [, network = "", bits] = /^(.+)\/(\d+)$/u.exec(entry) ?? [];
    if (!isIPv4(host) || !isIPv4(network) || Number(bits) > 32) return host.endsWith(entry);
    const block = new BlockList();
    block.addSubnet(network, Number(bits));
    return block.check(host);
  });
}

import { isIPv6 } from "node:net";
import { InvalidArgumentError, type Option } from "commander";
import type { OptionParser } from "./parsers.ts";

/** A host and a port, as they stand on the command line. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const MAX_PORT = 65_535;

/** `HOST:PORT`, `HOST` (with the usual port) or `[IPV6]:PORT`. Port 0, where it is allowed, means any free one. */
export function addressWith(usualPort: number, leastPort: 0 | 1): OptionParser<Address> {
  return (text) => {
    refuseZone(text);
    const match = /^(?:\[([^\]]+)\]|([^:/\s[\]]+))(?::(\d{1,5}))?$/u.exec(text.trim());
    const [, six, plain] = match ?? [];
    const port = match?.[3] === undefined ? usualPort : Number(match[3]);
    const host = six ?? plain;
    if (
      host === undefined ||
      /^\d+$/u.test(host) ||
      (six !== undefined && !isIPv6(six)) ||
      port < leastPort ||
      port > MAX_PORT
    ) {
      throw new InvalidArgumentError(`Expected HOST:PORT, such as 127.0.0.1:${usualPort}.`);
    }
    return { host, port };
  };
}

/** A host without a port. */
export const hostName: OptionParser<string> = (text) => {
  refuseZone(text);
  if (isIPv6(text) || /^[^:/\s[\]%]+$/u.test(text)) return text;
  throw new InvalidArgumentError("Expected a host without a port, such as fleet.example.org or 192.168.1.10.");
};

/** A host, or a host with a port, as URLs have it. */
export const urlHost: OptionParser<string> = (text) => {
  refuseZone(text);
  const url = URL.canParse(`https://${text}`) ? new URL(`https://${text}`) : undefined;
  if (url !== undefined && url.hostname !== "" && url.href === `https://${text.toLowerCase()}/`) return url.host;
  throw new InvalidArgumentError("Expected HOST or HOST:PORT, such as hooks.example.org or 127.0.0.1:9090.");
};

/** `[fe80::1%eth0]`: neither gRPC nor NATS can connect to it. */
function refuseZone(text: string): void {
  if (/\[[^\]]*%/u.test(text)) {
    throw new InvalidArgumentError("IPv6 zones are not supported: expected an address without %.");
  }
}

/** A URL of one of these kinds, such as `nats://host:4222`. */
export function urlOf(...protocols: readonly string[]): OptionParser<string> {
  return (text) => {
    refuseZone(text);
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !protocols.includes(url.protocol.slice(0, -1)) || url.hostname === "") {
      throw new InvalidArgumentError(
        `Expected a URL that begins with ${protocols.map((one) => `${one}://`).join(" or ")}.`,
      );
    }
    return text;
  };
}

type ListParser<Value> = (text: string, before?: readonly Value[]) => readonly Value[];

const LIST_PARSERS = new WeakSet<object>();

/** Turns the reader of one value into that of an option that may be given several times. */
export function repeated<Value>(one: OptionParser<Value>): ListParser<Value> {
  return repeatedLists((text) => [one(text)]);
}

/** The same for one whose texts stand for several values each. */
export function repeatedLists<Value>(some: OptionParser<readonly Value[]>): ListParser<Value> {
  const parse: ListParser<Value> = (text, before = []) => [...before, ...some(text)];
  LIST_PARSERS.add(parse);
  return parse;
}

/** Whether an option may be given several times. */
export function isRepeated({ parseArg }: Option): boolean {
  return parseArg !== undefined && LIST_PARSERS.has(parseArg);
}

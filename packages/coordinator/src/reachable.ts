import { networkInterfaces } from "node:os";
import { hereOf, isEverywhere } from "@mpo/io";

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

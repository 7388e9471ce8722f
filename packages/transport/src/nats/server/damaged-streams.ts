import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { STREAM_LOSSES } from "../../store/fleet-layout.ts";
import type { StreamSize } from "../jetstream/stream-sizes.ts";

/** A store of which nats-server cannot read some streams. */
export class DamagedStreams extends MpoError {
  readonly names: readonly string[];

  /** Of the others. */
  readonly sizes: ReadonlyMap<string, StreamSize>;

  constructor(folder: string, names: readonly string[], sizes: ReadonlyMap<string, StreamSize>) {
    const losses = names.map((name) => `${name}: ${STREAM_LOSSES[name] ?? "what it holds"}`).join("; ");
    super("invalid-data", `damaged in the store: ${names.join(", ")}. Setting it aside loses: ${losses}`, {
      hint: `Restore a backup, or set it aside: mpo store set-aside --yes, with the coordinator's --data. See ${join(folder, "nats-server.log")}.`,
    });
    this.names = names;
    this.sizes = sizes;
  }
}

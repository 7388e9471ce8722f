import { MpoError } from "@mpo/core";
import { type Abortable, linkSignals } from "@mpo/io";
import { isFenceKey } from "./fence-slots.ts";
import { keySubject, type StoreLayout } from "./store-layout.ts";
import type { LogRecord, StoreLog } from "./store-log.ts";

/** An entry of a stream, or of a bucket's key. */
export type CopiedRecord = Pick<LogRecord, "subject" | "sequence" | "storedAtMs" | "value" | "isDelete">;

/**
 * A stream's records in order, from the first to the newest. What they leave, each over the ones before it, is the stream
 * as it was at one moment, also while it is written to: a record that is not read was removed for a newer one, and that
 * one is read too. nats-server's own snapshots do not promise this (deploy/decisions/11-backups-of-records.md). Throws
 * `conflict` when the stream is replaced meanwhile.
 */
export async function* copyStream(
  log: StoreLog,
  layout: StoreLayout,
  stream: string,
  { signal }: Abortable = {},
): AsyncGenerator<CopiedRecord, void, undefined> {
  using linked = linkSignals(signal);
  const bucket = layout.buckets.find(({ name }) => stream === `KV_${name}`);
  const prefix = bucket === undefined ? undefined : keySubject(bucket.name, "");
  let newest = 0;
  for await (const delivery of log.consume(stream, { subject: ">", from: 1, signal: linked.signal })) {
    if (delivery.kind === "caught-up") return;
    if (delivery.kind === "reset") {
      throw new MpoError("conflict", `${stream} was replaced while it was copied`, { hint: "Try again." });
    }
    const { record } = delivery;
    // Some come twice, after an interruption.
    if (record.sequence <= newest) continue;
    newest = record.sequence;
    if (prefix !== undefined && isFenceKey(record.subject.slice(prefix.length))) continue;
    yield record;
  }
  throw new MpoError("cancelled", `copying ${stream} was ended`);
}

import type { StoreReplicas, StoreUse } from "@mpo/transport";
import { Gauge, type Registry } from "prom-client";

/** What a coordinator stands on. */
export interface HealthSources {
  /** Indexes that do not hold yet what the store has. */
  readonly waitingIndexes: () => number;
  /** Undefined: not known. Each page asks several times. */
  readonly storeUse: () => Promise<StoreUse | undefined>;
  /** Copies of streams that are not what most servers hold. */
  readonly differingCopies: () => StoreReplicas["differences"];
  readonly certificates: () => readonly CertificateTimes[];
}

/** From when until when a certificate is good. */
export interface CertificateTimes {
  /** `listener`: what the coordinator shows; `authority`: the newest that devices trust. */
  readonly name: "listener" | "authority";
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const MS_A_SECOND = 1000;

/** Adds the gauges of what a coordinator stands on: indexes, store, certificates. */
export function addHealthGauges(sources: HealthSources, registers: Registry[]): void {
  new Gauge({
    name: "mpo_indexes_waiting",
    help: "Indexes that do not hold yet what the store has",
    registers,
    collect() {
      this.set(sources.waitingIndexes());
    },
  });
  type Stream = StoreUse["streams"][number];
  const streamGauge = (name: string, help: string, read: (stream: Stream) => number): void => {
    new Gauge({
      ...{ name, help, registers },
      labelNames: ["stream"],
      async collect() {
        const use = await sources.storeUse();
        this.reset();
        for (const stream of use?.streams ?? []) this.set({ stream: stream.name }, read(stream));
      },
    });
  };
  streamGauge("mpo_store_stream_bytes", "What a stream of the store holds", ({ usedBytes }) => usedBytes);
  streamGauge("mpo_store_stream_limit_bytes", "What a stream of the store may hold", ({ limitBytes }) => limitBytes);
  new Gauge({
    name: "mpo_store_disk_free_bytes",
    help: "Free on the disk of the coordinator's own nats-server",
    // Without a label it would be 0 where it is not known.
    labelNames: ["disk"],
    registers,
    async collect() {
      const use = await sources.storeUse();
      this.reset();
      if (use?.diskFreeBytes !== undefined) this.set({ disk: "store" }, use.diskFreeBytes);
    },
  });
  new Gauge({
    name: "mpo_store_server_away",
    help: "Whether a server of the cluster lacks the newest of some stream (1) or not (0)",
    labelNames: ["server"],
    registers,
    async collect() {
      const use = await sources.storeUse();
      this.reset();
      for (const { name, isAway } of use?.servers ?? []) this.set({ server: name }, Number(isAway));
    },
  });
  new Gauge({
    name: "mpo_store_copy_differs",
    help: "1 for a server's copy of a stream that is not what the others hold",
    labelNames: ["server", "stream"],
    registers,
    collect() {
      this.reset();
      for (const { server, stream } of sources.differingCopies()) this.set({ server, stream }, 1);
    },
  });
  const certificateGauge = (name: string, help: string, at: (times: CertificateTimes) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ["certificate"],
      registers,
      collect() {
        this.reset();
        for (const times of sources.certificates()) this.set({ certificate: times.name }, at(times) / MS_A_SECOND);
      },
    });
  };
  certificateGauge(
    "mpo_certificate_begins_seconds",
    "When a certificate begins, seconds since 1970",
    (times) => times.notBeforeMs,
  );
  certificateGauge(
    "mpo_certificate_ends_seconds",
    "When a certificate ends, seconds since 1970",
    (times) => times.notAfterMs,
  );
}

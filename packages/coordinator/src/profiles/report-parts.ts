import { gunzipSync } from "node:zlib";
import { given, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { type DeviceIdentity, deviceKey, type Instance, type PartRequest } from "@mpo/protocol";

/** Parts are kept so long after the last that came. */
const KEPT_MS = 3_600_000;
/** All that is kept, a thousand of the largest reports: of more, the parts that have waited longest are forgotten. */
const MOST_BYTES = 64 * 2 ** 20;

/** What comes in parts, and how it is read. */
interface PartedMethod<Report> {
  readonly request: { readonly maxBytes: number; fromBytes(bytes: Uint8Array): Report };
}

interface Arrived {
  readonly digest: string;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly atMs: number;
}

/**
 * Reports that come in parts, one of each device, in memory: a coordinator that was started again has none,
 * and says so. A whole one stays as well, in case its answer is lost.
 */
export class ReportParts<
  Report extends { readonly identity: DeviceIdentity; readonly instance?: Instance | undefined },
> {
  readonly #clock: Clock;
  readonly #codec: PartedMethod<Report>["request"];
  /** By device; a map keeps the order of insertion: the first has waited longest. */
  readonly #arrived = new Map<string, Arrived>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(clock: Clock, { request }: PartedMethod<Report>, mostBytes = MOST_BYTES) {
    this.#clock = clock;
    this.#codec = request;
    this.#mostBytes = mostBytes;
  }

  /** Keeps a part that follows what has come; says how much that is, and the report when it is all. */
  take(request: PartRequest): {
    readonly arrivedBytes: number;
    readonly report: Report | undefined;
  } {
    const { identity, digest, totalBytes, offset, part } = request;
    const endsAt = offset + (part?.length ?? 0);
    if (endsAt > totalBytes) {
      throw new MpoError("invalid-argument", `the part ends at ${endsAt}, after the whole, ${totalBytes}`);
    }
    const key = deviceKey(identity);
    this.#forgetOld();
    const found = this.#arrived.get(key);
    const before = found?.digest === digest ? found : { digest, parts: [], bytes: 0 };
    const isNext = part !== undefined && offset === before.bytes;
    const parts = isNext ? [...before.parts, part] : before.parts;
    const bytes = isNext ? endsAt : before.bytes;
    if (bytes > 0) {
      this.#forget(key);
      this.#arrived.set(key, { digest, parts, bytes, atMs: this.#clock.monotonicMs() });
      this.#bytes += bytes;
    }
    return { arrivedBytes: bytes, report: bytes < totalBytes ? undefined : this.#wholeOf(request, parts) };
  }

  #forgetOld(): void {
    const oldMs = this.#clock.monotonicMs() - KEPT_MS;
    for (const [key, { atMs }] of this.#arrived) {
      if (atMs > oldMs && this.#bytes <= this.#mostBytes) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#arrived.get(key)?.bytes ?? 0;
    this.#arrived.delete(key);
  }

  /** gzip's checksum finds parts that do not belong together. */
  #wholeOf({ identity, instance }: PartRequest, parts: readonly Uint8Array[]): Report {
    const report = this.#codec.fromBytes(unpacked(Buffer.concat(parts), this.#codec.maxBytes));
    if (deviceKey(report.identity) !== deviceKey(identity)) {
      throw new MpoError("invalid-data", `the report is of ${report.identity.device}; expected ${identity.device}`);
    }
    return { ...report, ...given({ instance }) };
  }
}

function unpacked(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (thrown) {
    throw new MpoError("invalid-data", "the parts are not a report that was compressed with gzip", { cause: thrown });
  }
}

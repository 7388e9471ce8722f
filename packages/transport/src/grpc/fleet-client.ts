import { createHash } from "node:crypto";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { type DeviceIdentity, FLEET_SERVICE, type FleetServiceMethods } from "@mpo/protocol";
import { backOffSchedule, isTransient } from "@mpo/runtime";
import type { CallOptions } from "./call-options.ts";
import { type ClientOf, createServiceClient, type ServiceClient, type ServiceClientOptions } from "./service-client.ts";

/** Where the bytes of an artifact go. */
export interface ArtifactSink {
  /** Takes the next bytes; the next ones come when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface DownloadOptions extends CallOptions {
  /** A longer artifact is refused before a byte of it is written. */
  readonly maxBytes: number;
}

/** What agents ask of a coordinator. Every call with one answer is safe to repeat, and is repeated. */
export interface FleetClient extends ClientOf<FleetServiceMethods> {
  /**
   * Fetches a whole artifact; goes on where it was when the connection breaks. Resolves to its length once all of it was
   * written and its digest is right. Throws `invalid-data` when the bytes are not those of the digest: throw away what
   * the sink has then.
   */
  downloadArtifact(
    identity: DeviceIdentity,
    digest: string,
    sink: ArtifactSink,
    options: DownloadOptions,
  ): Promise<number>;
  /** How often the connection was stuck and made anew. */
  readonly rebuilds: number;
  close(): void;
}

/** Connects when the first call is made; never throws itself. */
export function createFleetClient(options: ServiceClientOptions): FleetClient {
  // "Every call is safe to repeat" (fleet.proto).
  const connect = (isForLarge: boolean) => createServiceClient(FLEET_SERVICE, () => true, { ...options, isForLarge });
  const client = connect(false);
  // On one connection a heartbeat would wait behind a report: what is sent lies in the kernel's buffers, in order.
  const large = connect(true);
  const { reportProfile, reportStatus, fetchArtifact } = large.calls;
  return {
    ...{ ...client.calls, reportProfile, reportStatus, fetchArtifact },
    downloadArtifact: (identity, digest, sink, call) =>
      download(large, { identity, digest }, sink, { ...options, ...call }),
    get rebuilds() {
      return client.channel.rebuilds + large.channel.rebuilds;
    },
    close: () => {
      client.channel.close();
      large.channel.close();
    },
  };
}

interface Download {
  readonly identity: DeviceIdentity;
  readonly digest: string;
}

async function download(
  { calls }: ServiceClient<FleetServiceMethods>,
  { identity, digest }: Download,
  sink: ArtifactSink,
  options: ServiceClientOptions & DownloadOptions,
): Promise<number> {
  const { clock = systemClock, random = Math.random, retries = 3, signal, maxBytes } = options;
  const hash = createHash("sha256");
  let offset = 0;
  let totalBytes: number | undefined;
  let waits = backOffSchedule({ baseMs: 200, capMs: 5_000, waits: retries, random });
  while (totalBytes === undefined || offset < totalBytes) {
    const startedAt = offset;
    try {
      for await (const chunk of calls.fetchArtifact({ identity, digest, offset }, options)) {
        totalBytes ??= chunk.totalBytes;
        if (totalBytes > maxBytes) throw damaged(digest, `${totalBytes} bytes; expected at most ${maxBytes}`);
        if (chunk.offset !== offset || chunk.totalBytes !== totalBytes) {
          throw damaged(
            digest,
            `a chunk at ${chunk.offset} of ${chunk.totalBytes}; expected ${offset} of ${totalBytes}`,
          );
        }
        hash.update(chunk.data);
        await sink.write(chunk.data);
        offset += chunk.data.length;
        if (offset === totalBytes) break;
      }
      if (totalBytes === undefined || offset < totalBytes) {
        throw new MpoError("unavailable", `artifact ${digest.slice(0, 12)} ended early, at byte ${offset}`);
      }
    } catch (thrown) {
      if (!isTransient(thrown)) throw thrown;
      // What made progress has not failed.
      if (offset > startedAt) waits = backOffSchedule({ baseMs: 200, capMs: 5_000, waits: retries, random });
      const wait = waits.next();
      if (wait.done === true) throw thrown;
      await clock.sleep(wait.value, signal === undefined ? {} : { signal });
    }
  }
  const found = hash.digest("hex");
  if (found !== digest) throw damaged(digest, `digest ${found}`);
  return offset;
}

function damaged(digest: string, found: string): MpoError {
  return new MpoError("invalid-data", `artifact ${digest} came with ${found}`, {
    hint: "Fetch it again; if it stays, the coordinator's copy is damaged.",
  });
}

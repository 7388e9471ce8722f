import { hasCode, MpoError } from "@mpo/core";
import { type Abortable, throwIfAborted, withDeadline } from "@mpo/io";

const MONITOR_TIMEOUT_MS = 5_000;

/** Oldest versions without the holes of 2026 (authentication bypasses, crashes before it), by release line. */
const OLDEST: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [2, 12, 12],
  [2, 14, 3],
];

/** What every message about versions asks for. */
export const NEEDED_VERSION = "2.12.12 or later, or 2.14.3 or later";

/** Whether a version of nats-server ("2.12.15", "v2.14.3") is new enough. Previews and candidates are not. */
export function isNewEnough(version: string): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)$/u.exec(version.trim());
  if (parts === null) return false;
  const [major, minor, patch] = parts.slice(1).map(Number) as [number, number, number];
  const line = OLDEST.find((oldest) => oldest[0] === major && oldest[1] === minor);
  if (line !== undefined) return patch >= line[2];
  return major > 2 || (major === 2 && minor > 14);
}

/** Throws `precondition-failed` when a server is too old. */
export function requireVersion(version: string, where: string): void {
  if (isNewEnough(version)) return;
  throw new MpoError("precondition-failed", `nats-server at ${where} is ${version}; expected ${NEEDED_VERSION}`, {
    hint: "Update nats-server: older ones let strangers in or lose data.",
  });
}

/** What a server says about itself on its monitoring port (`/varz`). */
export interface ServerFacts {
  readonly serverName: string;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** Made together with the operator: another one has another. Without operator: "$SYS". */
  readonly systemAccount: string;
  /** Whether it asks who connects. */
  readonly asksWho: boolean;
  readonly hasJetstream: boolean;
  /** Whether every write is on disk before it is acknowledged. */
  readonly syncsAlways: boolean;
}

/** Queries a server's monitoring port. Throws `unavailable` when it does not answer, `invalid-data` when it is not NATS. */
export async function readServerFacts(monitorUrl: string, options: Abortable = {}): Promise<ServerFacts> {
  const url = new URL("/varz", monitorUrl);
  let body: unknown;
  try {
    const asking = async (signal: AbortSignal): Promise<unknown> => (await fetch(url, { signal })).json();
    body = await withDeadline("the monitoring port", MONITOR_TIMEOUT_MS, asking, options);
  } catch (thrown) {
    throwIfAborted(options.signal);
    throw new MpoError("unavailable", `the monitoring port ${monitorUrl} does not answer`, { cause: thrown });
  }
  const varz = (body ?? {}) as Readonly<Record<string, unknown>>;
  const jetstream = ((varz["jetstream"] as Readonly<Record<string, unknown>> | undefined)?.["config"] ??
    {}) as Readonly<Record<string, unknown>>;
  if (typeof varz["server_name"] !== "string" || typeof varz["version"] !== "string") {
    throw new MpoError("invalid-data", `${url.href} is not the monitoring port of a nats-server`);
  }
  return {
    serverName: varz["server_name"],
    version: varz["version"],
    host: String(varz["host"]),
    port: Number(varz["port"]),
    systemAccount: String(varz["system_account"]),
    asksWho: varz["auth_required"] === true,
    hasJetstream: typeof jetstream["store_dir"] === "string",
    syncsAlways: jetstream["sync_always"] === true,
  };
}

export interface SyncCheckOptions extends Abortable {
  /** Monitoring ports of the servers; without one, whether they sync is not known. */
  readonly monitorUrls: readonly string[];
  /** Go on although a power cut may lose acknowledged writes. */
  readonly allowsAsync: boolean;
}

/**
 * Looks whether all servers put writes on disk before they acknowledge them. Returns "unknown" when no monitoring port
 * is given, or some do not answer: a cluster that has lost a server serves on. Throws `precondition-failed` when one does
 * not (unless `allowsAsync`), `unavailable` when no port answers.
 */
export async function checkSync(options: SyncCheckOptions): Promise<"always" | "periodic" | "unknown"> {
  if (options.monitorUrls.length === 0) return "unknown";
  let result: "always" | "periodic" | "unknown" = "always";
  const silent: unknown[] = [];
  for (const url of options.monitorUrls) {
    const facts = await readServerFacts(url, options).catch((thrown: unknown) => {
      if (!hasCode(thrown, "unavailable")) throw thrown;
      silent.push(thrown);
    });
    if (facts === undefined) {
      if (silent.length === options.monitorUrls.length) throw silent[0];
      if (result === "always") result = "unknown";
      continue;
    }
    requireVersion(facts.version, url);
    if (facts.syncsAlways) continue;
    result = "periodic";
    if (!options.allowsAsync) {
      throw new MpoError(
        "precondition-failed",
        `nats-server ${facts.serverName} acknowledges writes before they are on disk`,
        {
          hint: 'Set "sync_interval: always" in its jetstream block, or allow the loss with --unsafe-async.',
        },
      );
    }
  }
  return result;
}

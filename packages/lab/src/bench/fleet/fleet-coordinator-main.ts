import { appendFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { runCoordinator } from "@mpo/coordinator";
import { given } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { createLogger } from "@mpo/runtime";
import { AUTHORITY_FOLDER, LOCAL_JOIN_FILE } from "../../fleet-access.ts";
import type { AskPauses, CoordinatorPauses, CoordinatorPlan, CoordinatorReady } from "./fleet-messages.ts";

/** A timer of this period is looked at; how late it comes is how long the loop stood still. */
const RESOLUTION_MS = 5;
const NS_PER_MS = 1e6;

/** Entry of the bench's coordinator: the product's own; it ends when the bench goes away. */
const { folder, grpcPort, cluster, logFile, ...settings } = JSON.parse(process.argv[2] ?? "{}") as CoordinatorPlan;
const { PATH = "", MPO_NATS_SERVER: binary } = process.env;
const ends = new AbortController();
const write =
  logFile === undefined
    ? undefined
    : (line: string, done: () => void): void => {
        appendFileSync(logFile, line);
        done();
      };
process.on("disconnect", () => ends.abort());
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.on("message", (_: AskPauses) => {
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NS_PER_MS - RESOLUTION_MS);
  const pauses: CoordinatorPauses = { longestMs: late(delays.max), p99Ms: late(delays.percentile(99)) };
  delays.reset();
  process.send?.(pauses);
});

process.exitCode = await runCoordinator(
  // Each device reports all that it measured: the most that a fleet may have to say.
  { ...settings, probes: { isShared: false }, grpc: { port: grpcPort }, http: { port: 0 } },
  {
    nats:
      cluster === undefined
        ? {
            kind: "embedded",
            folder,
            cacheFolder: cacheFolder(process.env, homedir()),
            searchPath: PATH.split(delimiter),
            ...given({ binary }),
          }
        : { kind: "external", ...cluster },
    keys: { folder: join(folder, AUTHORITY_FOLDER) },
    localJoinFile: () => join(folder, LOCAL_JOIN_FILE),
    process,
    logger: createLogger({ level: "warn", ...given({ write }) }),
    signal: ends.signal,
    onReady: ({ grpc, natsServers, natsPid = 0 }) => {
      const ready: CoordinatorReady = { grpc, natsUrl: natsServers[0] ?? "", natsPid };
      process.send?.(ready);
    },
  },
);
if (process.connected) process.disconnect();

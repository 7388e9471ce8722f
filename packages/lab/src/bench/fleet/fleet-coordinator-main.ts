import { appendFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { runCoordinator } from "@mpo/coordinator";
import { given } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { createLogger } from "@mpo/runtime";
import { AUTHORITY_FOLDER, LOCAL_JOIN_FILE } from "../../fleet-access.ts";
import type { CoordinatorPlan, CoordinatorReady } from "./fleet-messages.ts";

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

import { homedir } from "node:os";
import { delimiter } from "node:path";
import { type EmbeddedNats, type ExternalNats, runCoordinator } from "@mpo/coordinator";
import { given } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { createLogger } from "@mpo/runtime";
import type { CoordinatorConfiguration } from "./process-messages.ts";

/** Entry of a coordinator's process: the product's own, with fixed ports, ended when the harness goes away. */
const configuration = JSON.parse(process.argv[2] ?? "{}") as CoordinatorConfiguration;
const { name, folder, keysFolder, localJoinFile, grpcPort, natsPort } = configuration;
const { heartbeatSeconds = 1, leaseMs = 2_000 } = configuration;
/** Short enough to be renewed in the middle of all kinds of trouble. */
const CERTIFICATE_VALID_MS = 60_000;
const { PATH = "", MPO_NATS_SERVER } = process.env;
const ends = new AbortController();
process.on("disconnect", () => ends.abort());
process.channel?.unref();

const embedded: EmbeddedNats = {
  kind: "embedded",
  folder: folder ?? "",
  port: natsPort,
  searchPath: PATH.split(delimiter),
  cacheFolder: cacheFolder(process.env, homedir()),
  ...given({ binary: MPO_NATS_SERVER }),
};
const external: ExternalNats = {
  kind: "external",
  servers: [`nats://127.0.0.1:${natsPort}`],
  replicas: 1,
  // The monitoring port changes with every start of the server; the first coordinator has checked it.
  allowsAsync: true,
};
process.exitCode = await runCoordinator(
  {
    name,
    certificateValidMs: CERTIFICATE_VALID_MS,
    grpc: { port: grpcPort },
    http: { port: 0 },
    heartbeatSeconds,
    leaseMs,
    callsPerSecond: 1_000,
    natsServers: [`nats://127.0.0.1:${natsPort}`],
  },
  {
    nats: folder === undefined ? external : embedded,
    keys: { folder: keysFolder },
    // Both would write the same file, each with its own address.
    ...(folder === undefined ? {} : { localJoinFile: () => localJoinFile }),
    process,
    logger: createLogger({ level: "info" }),
    signal: ends.signal,
  },
);

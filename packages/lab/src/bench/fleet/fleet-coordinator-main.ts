import { homedir } from "node:os";
import { delimiter } from "node:path";
import { runCoordinator } from "@mpo/coordinator";
import { given } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { createLogger } from "@mpo/runtime";
import type { CoordinatorReady } from "./fleet-messages.ts";

/** Entry of the bench's coordinator: the product's own, on free ports; it ends when the bench goes away. */
const [folder = "", callsPerSecond = "50"] = process.argv.slice(2);
const { PATH = "", MPO_NATS_SERVER: binary } = process.env;
const ends = new AbortController();
process.on("disconnect", () => ends.abort());

process.exitCode = await runCoordinator(
  { insecure: true, grpc: { port: 0 }, http: { port: 0 }, callsPerSecond: Number(callsPerSecond) },
  {
    nats: {
      kind: "embedded",
      folder,
      cacheFolder: cacheFolder(process.env, homedir()),
      searchPath: PATH.split(delimiter),
      ...given({ binary }),
    },
    process,
    logger: createLogger({ level: "warn" }),
    signal: ends.signal,
    onReady: ({ grpc, natsServers, natsPid = 0 }) => {
      const ready: CoordinatorReady = { grpc, natsUrl: natsServers[0] ?? "", natsPid };
      process.send?.(ready);
    },
  },
);
if (process.connected) process.disconnect();

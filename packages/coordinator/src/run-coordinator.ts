import { randomUUID } from "node:crypto";
import { type ExitCode, runServices, type Service } from "@mpo/runtime";
import { CoordinatorRun } from "./coordinator-run.ts";
import { warnOfFewFiles } from "./few-files.ts";
import type { RunOptions } from "./run-options.ts";
import { type CoordinatorSettings, requireLoopback, resolveSettings } from "./settings.ts";

/**
 * Runs a coordinator until it is stopped or a part of it fails; returns the exit code. Settings are checked before
 * anything starts (`invalid-argument`, `precondition-failed` for addresses beyond loopback).
 */
export async function runCoordinator(settings: CoordinatorSettings, options: RunOptions): Promise<ExitCode> {
  const { nats, logger, process, signal, onReady, onFailure, onHangUp } = options;
  const checked = resolveSettings(settings, randomUUID);
  if (checked.insecure) {
    if (nats.kind === "embedded") requireLoopback(nats.host ?? "127.0.0.1");
    logger.warn("INSECURE: nobody proves who they are; whoever can log in to this machine controls the fleet", {
      grpc: checked.grpc.host,
      http: checked.http.host,
    });
  }
  const run = new CoordinatorRun(checked, options);
  const ready: Service = {
    name: "ready",
    start: async ({ signal: starting }) => {
      await warnOfFewFiles(run.deviceCount, logger);
      await run.leaveLocalJoin(starting);
      const addresses = run.addresses();
      logger.info("the coordinator is ready", { ...addresses });
      onReady?.(addresses, (live) => {
        // All parts see the same two, and read them when they need them.
        Object.assign(checked.budget, live.budget);
        Object.assign(checked.probes, live.probes);
      });
    },
    stop: () => run.removeLocalJoin(),
  };
  return await runServices([...run.services(), ready], { process, logger, signal, onFailure, onHangUp });
}

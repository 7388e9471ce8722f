import { createServer } from "node:net";
import { homedir } from "node:os";
import { delimiter } from "node:path";
import { given, MpoError } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { systemErrorCode } from "@mpo/io";
import { createAdminClient, findNatsServer, proxyFor } from "@mpo/transport";
import { type Address, targetOf } from "../options/address-options.ts";
import type { FleetOptions } from "../options/fleet-options.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";

/** There is a `nats-server` that a coordinator can start. */
export function natsCheck({ environment, signal }: DoctorContext): Check {
  return {
    name: "nats-server",
    neededBy: ["coordinator"],
    run: async () => {
      const { MPO_NATS_SERVER: named } = environment;
      const { path, version } = await findNatsServer({
        searchPath: (environment["PATH"] ?? "").split(delimiter),
        cacheFolder: cacheFolder(environment, homedir()),
        signal,
        ...given({ named }),
      });
      return { state: "ok", found: `${version}, ${path}` };
    },
  };
}

const CALL_MS = 3_000;

/** A coordinator answers. One that nobody has named may be missing. */
export function coordinatorCheck(
  { coordinator, tenant }: FleetOptions,
  isNamed: boolean,
  { signal }: DoctorContext,
): Check {
  return {
    name: "coordinator",
    neededBy: ["agent", "coordinator"],
    run: async () => {
      const target = targetOf(coordinator);
      const admin = createAdminClient({ target, retries: 0 });
      try {
        const began = performance.now();
        await admin.listDevices({ tenant, labels: [], pageSize: 1 }, { signal, deadlineMs: CALL_MS });
        return { state: "ok", found: `${target} answers in ${(performance.now() - began).toFixed(0)} ms` };
      } catch (thrown) {
        return {
          state: isNamed ? "broken" : "warning",
          found: `${target} does not answer: ${MpoError.from(thrown).message}`,
          fix:
            MpoError.from(thrown).hint ??
            "Start one with `mpo coordinator`, or say where it is with --coordinator HOST:PORT or MPO_COORDINATOR.",
        };
      } finally {
        admin.close();
      }
    },
  };
}

/** A proxy that is set in the environment stands between nobody and the coordinator, or does so on purpose. */
export function proxyCheck({ coordinator }: FleetOptions, { environment }: DoctorContext): Check {
  return {
    name: "proxy",
    neededBy: ["agent", "coordinator"],
    run: async () => {
      const target = targetOf(coordinator);
      const proxy = proxyFor(target, environment);
      if (proxy === undefined) return { state: "ok", found: `none between here and ${target}` };
      return {
        state: "warning",
        found: `${proxy.variable} sends gRPC to ${target} through ${proxy.address}; NATS goes past it`,
        fix: `If the coordinator can be reached without it: add ${coordinator.host} to no_proxy, or unset ${proxy.variable}.`,
      };
    },
  };
}

/** A coordinator can listen where it usually does. `isOurs` tells whether what listens there is one. */
export function portCheck(address: Address, option: string, isOurs: () => Promise<boolean>): Check {
  return {
    name: `port ${address.port}`,
    neededBy: ["coordinator"],
    run: async () => {
      const failure = await listenOnce(address);
      if (failure === undefined) return { state: "ok", found: "free" };
      if (systemErrorCode(failure) === "EADDRINUSE" && (await isOurs())) {
        return { state: "ok", found: "in use by a coordinator" };
      }
      return {
        state: "broken",
        found: failure.message,
        fix: `End what listens there, or give ${option} another port.`,
      };
    },
  };
}

/** Whether `/readyz` or `/healthz` of a coordinator is there. */
export async function answersHealth({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    const response = await fetch(`http://${targetOf({ host, port })}/healthz`, { signal: within });
    return response.ok && (await response.text()) === "ok\n";
  } catch {
    return false;
  }
}

function listenOnce({ host, port }: Address): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** What became of another check, for checks that build on it. */
export function once(run: () => Promise<Finding>): () => Promise<Finding> {
  let running: Promise<Finding> | undefined;
  return () => (running ??= run());
}

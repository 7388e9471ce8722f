import { createServer } from "node:net";
import { MpoError } from "@mpo/core";
import { systemErrorCode } from "@mpo/io";
import { createAdminClient, findNatsServer, proxyFor } from "@mpo/transport";
import { natsServerPlaces } from "../fleet/coordinator-places.ts";
import { type Address, targetOf } from "../options/address-options.ts";
import type { FleetOptions } from "../options/fleet-options.ts";
import type { DoctorContext, Finding } from "./check.ts";

/** There is a `nats-server` that a coordinator can start. */
export async function checkNatsServer({ environment, signal }: DoctorContext): Promise<Finding> {
  const { MPO_NATS_SERVER: named } = environment;
  const { path, version } = await findNatsServer({ named, ...natsServerPlaces(environment), signal });
  return { state: "ok", found: `${version}, ${path}` };
}

const CALL_MS = 3_000;

/** A coordinator answers. One that was not named may be missing. */
export async function checkCoordinator(
  { coordinator, tenant }: FleetOptions,
  isNamed: boolean,
  { signal }: DoctorContext,
): Promise<Finding> {
  const target = targetOf(coordinator);
  const admin = createAdminClient({ targets: [target], retries: 0 });
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
}

/** No proxy of the environment stands between here and the coordinator, or it does so on purpose. */
export async function checkProxy({ coordinator }: FleetOptions, { environment }: DoctorContext): Promise<Finding> {
  const target = targetOf(coordinator);
  const proxy = proxyFor(target, environment);
  if (proxy === undefined) return { state: "ok", found: `none between here and ${target}` };
  return {
    state: "warning",
    found: `${proxy.variable} sends gRPC to ${target} through ${proxy.address}; NATS goes past it`,
    fix: `If the coordinator can be reached without it: add ${coordinator.host} to no_proxy, or unset ${proxy.variable}.`,
  };
}

/** A coordinator can listen where it usually does. `isOurs`: whether what listens there is one. */
export async function checkPort(address: Address, option: string, isOurs: () => Promise<boolean>): Promise<Finding> {
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

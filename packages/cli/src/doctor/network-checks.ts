import { createServer } from "node:net";
import { formatMs, MpoError } from "@mpo/core";
import { systemErrorCode, targetOf } from "@mpo/io";
import { type AdminClient, findNatsServer, proxyFor } from "@mpo/transport";
import type { FleetAccess } from "../access/find-fleet.ts";
import { openAdmin } from "../access/open-admin.ts";
import { natsServerPlaces } from "../fleet/coordinator-places.ts";
import type { Address } from "../options/address-options.ts";
import type { FleetOptions } from "../options/fleet-options.ts";
import type { DoctorContext, Finding } from "./check.ts";

/** There is a `nats-server` that a coordinator can start. */
export async function checkNatsServer(
  named: string | undefined,
  { environment, signal }: DoctorContext,
): Promise<Finding> {
  const { path, version } = await findNatsServer({ named, ...natsServerPlaces(environment), signal });
  return { state: "ok", found: `${version}, ${path}` };
}

const CALL_MS = 3_000;

/** Clocks further apart than that are wrong: certificates begin a few minutes before they are made. */
const MAX_CLOCK_ERROR_MS = 60_000;

/** A coordinator answers, knows who asks, and has the same time. One that was not named may be missing. */
export async function checkCoordinator(
  way: () => Promise<FleetAccess>,
  { tenant }: Pick<FleetOptions, "tenant">,
  isNamed: boolean,
  { signal }: DoctorContext,
): Promise<Finding> {
  let admin: AdminClient | undefined;
  try {
    const access = await way();
    admin = openAdmin(access, 0);
    const call = { signal, deadlineMs: CALL_MS };
    const { name, role } = await admin.whoAmI({}, call);
    const began = performance.now();
    const { serverTimeMs } = await admin.listDevices({ tenant, pageSize: 1 }, call);
    const tookMs = performance.now() - began;
    const error = Date.now() - tookMs / 2 - serverTimeMs;
    const found = `${access.targets.join(", ")} answers in ${tookMs.toFixed(0)} ms, to ${name} (${role}; ${access.from})`;
    if (Math.abs(error) < MAX_CLOCK_ERROR_MS) return { state: "ok", found };
    return {
      state: "broken",
      found: `${found}; this machine's clock is ${formatMs(Math.abs(error))} ${error > 0 ? "ahead" : "behind"}`,
      fix: "Set the clocks of both machines, and keep them by NTP (timedatectl set-ntp true).",
    };
  } catch (thrown) {
    const { message, hint } = MpoError.from(thrown);
    return {
      state: isNamed ? "broken" : "warning",
      found: `no coordinator answers: ${message}`,
      fix:
        hint ?? "Start one with `mpo coordinator`, or say where it is with --coordinator HOST:PORT or MPO_COORDINATOR.",
    };
  } finally {
    admin?.close();
  }
}

/** No proxy of the environment stands between here and the coordinators, or it does so on purpose. */
export async function checkProxy(targets: readonly string[], { environment }: DoctorContext): Promise<Finding> {
  for (const target of targets) {
    const proxy = proxyFor(target, environment);
    if (proxy === undefined) continue;
    return {
      state: "warning",
      found: `${proxy.variable} sends gRPC to ${target} through ${proxy.address}; NATS goes past it`,
      fix: `If the coordinator can be reached without it: add its host to no_proxy, or unset ${proxy.variable}.`,
    };
  }
  return { state: "ok", found: `none between here and ${targets.join(", ") || "a coordinator"}` };
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

import { join } from "node:path";
import { given, MpoError, USUAL_ADDRESSES } from "@mpo/core";
import { targetOf, throwIfAborted } from "@mpo/io";
import { type FleetAccess, findFleet } from "../access/find-fleet.ts";
import type { CommandContext } from "../command-context.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";
import { dataFolderOf, identityOf, limitsFileOf } from "../fleet/run-agent-command.ts";
import type { FleetOptions } from "../options/fleet-options.ts";
import { createTable } from "../output/table.ts";
import { checkMount, checkPower, checkTimeSync } from "./board-checks.ts";
import { type Check, type DoctorContext, type Finding, ROLES, type Role } from "./check.ts";
import { type DaemonSettings, settingsOf } from "./daemon-settings.ts";
import { checkMemoryCap, checkTensorflow } from "./engine-checks.ts";
import { checkJobGroups } from "./group-check.ts";
import { checkAuthority, checkContexts, checkDeviceCertificate } from "./identity-checks.ts";
import { answersHealth, checkCoordinator, checkNatsServer, checkPort, checkProxy } from "./network-checks.ts";
import { checkDisk, checkStoreRoom } from "./storage-check.ts";
import {
  checkClearRefs,
  checkClock,
  checkFlock,
  checkLimits,
  checkMemory,
  checkNode,
  checkOpenFiles,
  checkPressure,
} from "./system-checks.ts";
import { checkWheel } from "./wheel-check.ts";

/** What the daemons of this machine would run by. */
interface Daemons {
  readonly agent: DaemonSettings<"agent">;
  readonly coordinator: DaemonSettings<"coordinator">;
}

export interface DoctorOptions extends FleetOptions {
  /** Absent: both. */
  readonly role?: Role;
}

/** Checks this machine and prints what was found. Throws `precondition-failed` when something that is needed is broken. */
export async function runDoctor(options: DoctorOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { role } = options;
  const daemons = { agent: await settingsOf("agent", context), coordinator: await settingsOf("coordinator", context) };
  const checks = checksFor(options, daemons, { ...context, systemRoot: "/" }).filter(
    ({ neededBy }) => role === undefined || neededBy.includes(role),
  );
  const table = createTable(terminal, ["", "check", "found"], { compact: true });
  const fixes: string[] = [];
  let broken = 0;
  for (const { name, run } of checks) {
    terminal.detail(`checking ${name} ...`);
    const finding = await run().catch(brokenBy);
    throwIfAborted(signal);
    const { state, found, fix } = finding;
    terminal.record({ check: name, ...finding });
    table.push([state, name, found]);
    if (state === "broken") broken += 1;
    if (state !== "ok" && fix !== undefined) fixes.push(`${name}: ${fix}`);
  }
  terminal.line(table.toString());
  for (const fix of fixes) terminal.line(terminal.asTyped(fix));
  if (broken === 0) {
    terminal.line(fixes.length === 0 ? "everything is in order" : "nothing that is needed is broken");
    return;
  }
  const what = role === undefined ? "an agent or a coordinator" : `a${role === "agent" ? "n" : ""} ${role}`;
  throw new MpoError(
    "precondition-failed",
    `${broken} of ${checks.length} checks found something that ${what} needs broken`,
  );
}

function checksFor(
  options: DoctorOptions,
  { agent, coordinator: server }: Daemons,
  context: CommandContext & DoctorContext,
): readonly Check[] {
  const { signal } = context;
  const { grpc, http } = USUAL_ADDRESSES;
  const { tenant } = agent.options;
  const identity = identityOf({ ...agent.options, tenant: tenant === "default" ? options.tenant : tenant });
  const data = dataFolderOf(agent.options, identity, context);
  const store = coordinatorFolder(server.options.data, context);
  let found: Promise<FleetAccess> | undefined;
  const way = (): Promise<FleetAccess> => (found ??= findFleet(options, context, { signal }));
  const targets = async (): Promise<readonly string[]> =>
    await way().then(
      (access) => access.targets,
      () => options.coordinator?.map(targetOf) ?? [],
    );
  let asked: Promise<Finding> | undefined;
  const isNamed = options.coordinator !== undefined || options.context !== undefined;
  const coordinator = (): Promise<Finding> => (asked ??= checkCoordinator(way, options, isNamed, context));
  const isThere = async (): Promise<boolean> =>
    (await targets()).some((one) => one.endsWith(`:${grpc.port}`)) && (await coordinator()).state === "ok";
  const neededBy = (roles: readonly Role[], checks: Readonly<Record<string, Check["run"]>>): readonly Check[] =>
    Object.entries(checks).map(([name, run]) => ({ name, neededBy: roles, run }));
  return [
    ...neededBy(ROLES, {
      Node: () => checkNode(process.version),
      clock: () => checkClock(Date.now()),
      "time server": () => checkTimeSync(context),
    }),
    ...neededBy(["agent"], {
      ...agent.checks,
      disk: () => checkDisk(data),
      mount: () => checkMount(context, data),
    }),
    ...neededBy(["coordinator"], {
      ...server.checks,
      store: () => checkStoreRoom(store),
      "store's mount": () => checkMount(context, store),
    }),
    ...neededBy(ROLES, { flock: () => checkFlock(context) }),
    ...neededBy(["coordinator"], { "open files": () => checkOpenFiles(context) }),
    ...neededBy(["agent"], {
      memory: () => checkMemory(context, data),
      "pressure (PSI)": () => checkPressure(context, data),
      "memory limits": () => checkJobGroups(context),
      power: () => checkPower(context),
      clear_refs: () => checkClearRefs(context),
      TensorFlow: () => checkTensorflow(context),
      "TensorFlow's wheel": () => checkWheel(context),
      "memory cap (oneDNN)": () => checkMemoryCap(context),
      "device's certificate": () => checkDeviceCertificate(data),
      "owner's limits": () => checkLimits(limitsFileOf(agent.options, data, context)),
    }),
    ...neededBy(["coordinator"], {
      "nats-server": () => checkNatsServer(server.options.natsServer, context),
      [`port ${grpc.port}`]: () => checkPort(grpc, "--listen", isThere),
      [`port ${http.port}`]: () => checkPort(http, "--http", () => answersHealth(http, signal)),
    }),
    ...neededBy(["coordinator"], { "the fleet's keys": () => checkAuthority(join(store, "authority")) }),
    ...neededBy(ROLES, {
      contexts: () => checkContexts(context),
      proxy: async () => await checkProxy(await targets(), context),
      coordinator,
    }),
  ];
}

function brokenBy(thrown: unknown): Finding {
  const { message, hint } = MpoError.from(thrown);
  return { state: "broken", found: message, ...given({ fix: hint }) };
}

import { resolve } from "node:path";
import { isName, MpoError } from "@mpo/core";
import { writeFileAtomic } from "@mpo/io";
import type { RolloutView } from "@mpo/protocol";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { confirm } from "../fleet/confirm.ts";
import { selectDevices } from "../fleet/select-devices.ts";
import { type AdminSession, withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, fleetName } from "../options/fleet-options.ts";
import { ROLLOUT_EXIT_CODES } from "../output/exit-code-help.ts";
import { createListing } from "../output/listing.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";
import { addReason, changeRollout, patient, printChanged, type ReasonOption } from "./change-rollout.ts";
import { planLines, predictedCells } from "./plan-tables.ts";
import { devicesOf } from "./rollout-devices.ts";
import { readRolloutFile, soundValue } from "./rollout-file.ts";
import { endWaiting } from "./show-rollout.ts";
import { waitOption, watchRollout } from "./watch-rollout.ts";

interface PlanOptions extends ReasonOption, ForceOption {
  readonly name?: string;
  readonly html?: string;
  readonly members: boolean;
}

interface StartOptions extends ReasonOption {
  readonly wait?: number;
  readonly yes: boolean;
}

/** `mpo rollout plan` and `start`. */
export function definePlan(rollout: Command, context: CommandContext): void {
  const plan = rollout.command("plan").description("freeze and show who would get what, and when; nothing is changed");
  addReason(addFleetCommand(plan, PLAN_HELP))
    .argument("<file>", "what to change, for whom and how, in YAML; -: standard input")
    .option("--name <name>", "its name (default: as the file has it)", fleetName)
    .option("--members", "list the devices too, with what is planned for each", false)
    .option("--html <file>", "write the plan as a page with pictures, too")
    .addOption(forceOption())
    .action((file: string, options: PlanOptions) => planRollout(file, options, context));
  const start = rollout.command("start").description("begin a rollout that was planned, or plan a file and begin it");
  addReason(addFleetCommand(start, START_HELP))
    .argument("<rollout>", "its name, or the path of a file; -: standard input", rolloutOrFile)
    .addOption(waitOption())
    .option("--yes", "do not ask whether a file's plan is to begin", false)
    .action((what: string, options: StartOptions) => startRollout(what, options, context));
}

const PLAN_HELP = `
What a file says: deploy/guides/rollouts.md. Examples: deploy/examples/rollouts.

Examples:
  mpo rollout plan canary.yaml
  mpo rollout plan canary.yaml --html plan.html --members
`;

const START_HELP = `
A name has no dot and no slash in it, and a file's path has. On a terminal, a file's plan is shown, and begins when you say
so; elsewhere it begins at once.

${ROLLOUT_EXIT_CODES}

Examples:
  mpo rollout start canary
  mpo rollout start canary.yaml --yes --wait 2h --reason "release 4.2"
`;

function rolloutOrFile(text: string): string {
  if (isName(text) || text === "-" || /[./]/u.test(text)) return text;
  throw new InvalidArgumentError("Expected a rollout's name, or the path of a file with a dot or a slash in it.");
}

/** Freezes and shows who would get what. */
async function planRollout(path: string, options: PlanOptions, context: CommandContext): Promise<void> {
  const { workingFolder, terminal } = context;
  if (options.html !== undefined) await checkOutput("--html", options.html, { workingFolder, ...options });
  const spec = await sentSpec(path, context, options.name);
  const { tenant, reason } = options;
  await withAdmin(options, context, async (session) => {
    const { rollout } = await session.admin.planRollout({ tenant, spec, reason }, patient(session));
    terminal.record({ event: "planned", rollout });
    for (const line of planLines(rollout, context)) terminal.line(line);
    if (options.members) await listMembers(rollout, session, context);
    if (options.html !== undefined) await writePlanPage(rollout, options.html, session, context);
    terminal.line(`next: mpo rollout start ${rollout.name}`);
  });
}

/** A file as it is sent: as JSON, with its units as they were written. */
async function sentSpec(path: string, context: Pick<Files, "workingFolder"> & Stop, name?: string): Promise<string> {
  return JSON.stringify(soundValue(await readRolloutFile(path, context, name)));
}

async function listMembers(rollout: RolloutView, session: AdminSession, { terminal }: Output): Promise<void> {
  const listing = createListing(terminal, [
    "device",
    "wave",
    "memory up to",
    "step up to",
    "accuracy",
    "profile of",
    "configuration",
  ]);
  for await (const { device } of devicesOf(rollout, {}, session)) {
    const cells = [device.wave + 1, ...predictedCells(device), device.profileOf ?? "its own", device.config];
    listing.row({ event: "member", ...device }, () => [device.device, ...cells]);
  }
  listing.end();
}

/** Writes a plan with its pictures. */
async function writePlanPage(
  rollout: RolloutView,
  output: string,
  session: AdminSession,
  { workingFolder, terminal, signal }: Files & Output & Stop,
): Promise<void> {
  const { rolloutPage } = await import("./rollout-page.ts");
  const classes = new Map<string, string>();
  for await (const { device } of selectDevices({ tenant: rollout.tenant, insecure: false }, session))
    classes.set(device.identity.device, device.inventory.deviceClass);
  const planned = [];
  for await (const { device } of devicesOf(rollout, {}, session))
    planned.push({ ...device, deviceClass: classes.get(device.device) ?? "unknown" });
  await writeFileAtomic(resolve(workingFolder, output), rolloutPage(rollout, planned), { mode: 0o644, signal });
  terminal.record({ event: "page", output });
  terminal.line(`the plan with its pictures is in ${output}, for any browser`);
}

/** Begins what was planned, or plans a file and begins it. */
async function startRollout(what: string, options: StartOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { tenant, reason, wait: waitMs } = options;
  const spec = isName(what) ? undefined : await sentSpec(what, context);
  const seen = await withAdmin(options, context, async (session) => {
    const name = spec === undefined ? what : await planAndAsk(spec, options, session, context);
    const started = await changeRollout({ tenant, name, command: "start", reason, expectedPhase: "planned" }, session);
    printChanged("start", started, context);
    if (waitMs === undefined) return undefined;
    return await watchRollout({ tenant, name, isWatched: false, waitMs }, { ...session, terminal });
  });
  if (seen !== undefined && waitMs !== undefined) endWaiting(seen, waitMs, context);
}

/** Shows a file's plan; returns its name when a person has said yes, or nobody is there to ask. */
async function planAndAsk(
  spec: string,
  { tenant, reason, yes }: StartOptions,
  { admin, call }: AdminSession,
  context: CommandContext,
): Promise<string> {
  const { terminal } = context;
  const { rollout } = await admin.planRollout({ tenant, spec, reason }, patient({ call }));
  const { name, devices } = rollout;
  terminal.record({ event: "planned", rollout });
  for (const line of planLines(rollout, context)) terminal.line(line);
  const isAsked = terminal.interactive && process.stdin.isTTY === true;
  try {
    await confirm(`start ${name}, which changes ${devices} devices?`, { yes: yes || !isAsked }, context);
  } catch (thrown) {
    throw MpoError.from(thrown).with({
      hint: `It is planned: mpo rollout start ${name}, or mpo rollout remove ${name}`,
    });
  }
  return name;
}

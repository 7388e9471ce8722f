import { resolve } from "node:path";
import {
  curvesOf,
  describeConfig,
  describeFreezing,
  formatAge,
  formatBytes,
  formatMs,
  formatShare,
  given,
  MpoError,
  typical,
} from "@mpo/core";
import { writeJsonFile } from "@mpo/io";
import type { GetProfileResponse, ListProfilesResponse } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext, Files, Output, Stop } from "../command-context.ts";
import { type AdminSession, pagesOf, withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { createListing } from "../output/listing.ts";
import { createTable } from "../output/table.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface ListOptions extends FleetOptions {
  readonly device?: string;
  readonly model?: string;
}

interface ExportOptions extends FleetOptions, ForceOption {
  readonly output: string;
  readonly weights?: string;
}

const EXPORT_HELP = `
Example:
  mpo profiles export pi-7 --weights resnet20-bn --output pi-7.json
  mpo search pi-7.json --memory 100MiB --window 60s
`;

/** `mpo profiles list`, `show` and `export`. */
export function define(profiles: Command, context: CommandContext): void {
  addFleetCommand(profiles.command("list").description("list the profiles"))
    .option("--device <name>", "only this device's (default: all)", fleetName)
    .option("--model <name>", "only of this model (default: all)", fleetName)
    .action((options: ListOptions) => listProfiles(options, context));
  addSubject(addFleetCommand(profiles.command("show").description("show what a device measured of a model"))).action(
    (device: string, model: string | undefined, options: FleetOptions) => showProfile(device, model, options, context),
  );
  addSubject(addFleetCommand(profiles.command("export").description("write a profile to a file"), EXPORT_HELP))
    .requiredOption("-o, --output <file>", "where it goes")
    .addOption(forceOption())
    .option(
      "--weights <path>",
      "the model's folder or file: then `mpo emulate`, `search` and `explain` can read the file",
    )
    .action((device: string, model: string | undefined, options: ExportOptions) =>
      exportProfile(device, model, options, context),
    );
}

function addSubject(command: Command): Command {
  return command
    .argument("<device>", "its name", fleetName)
    .argument("[model]", "the model; may be left out where there is one", fleetName);
}

/** Prints which profiles the fleet has. */
async function listProfiles(options: ListOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const listing = createListing(terminal, [
    "device",
    "model",
    "class",
    "received",
    "measured by",
    "steps",
    "curves",
    "digest",
  ]);
  await withAdmin(options, context, async (session) => {
    for await (const { profiles, serverTimeMs } of summaries(options, session)) {
      for (const profile of profiles) {
        const { identity, model, deviceClass, receivedAtMs, stepCount, curveCount, graphDigest } = profile;
        const by = profile.sharedFrom ?? "itself";
        const age = formatAge(serverTimeMs - receivedAtMs);
        const digest = graphDigest.slice(0, 12);
        listing.row(profile, () => [identity.device, model, deviceClass, age, by, stepCount, curveCount, digest]);
      }
    }
  });
  const count = listing.end();
  terminal.line(`${count} ${count === 1 ? "profile" : "profiles"}`);
}

/** Prints what a device measured of a model. */
async function showProfile(
  device: string,
  model: string | undefined,
  options: FleetOptions,
  context: Asking,
): Promise<void> {
  const { terminal } = context;
  const found = await withAdmin(options, context, (session) => find(device, model, options, session));
  const { profile, revision, receivedAtMs, serverTimeMs } = found;
  terminal.record({ revision, receivedAtMs, ...profile });
  const { idleBytes, spent, software, steps, others = [], unitTimes } = profile;
  terminal.line(
    `${profile.model.name} on ${profile.device.id} (${profile.device.class}), received ` +
      `${formatAge(serverTimeMs - receivedAtMs)}; measured with engine ${software.engine}, TensorFlow ${software.library}`,
  );
  terminal.line(
    `${profile.model.unitCount} units, ${profile.model.parameterCount} parameters, ${profile.method.loss} with ` +
      `${profile.method.optimizer}, effective batch ${profile.effectiveBatch}` +
      (others.length === 0 ? "" : `; beside it ${others.map(({ method }) => method.loss).join(", ")}`),
  );
  terminal.line(
    `idle ${formatBytes(idleBytes)}; ${unitTimes.length} unit times; the probe took ${formatMs(spent.ms)} for ` +
      `${spent.configs} configs, at most ${formatBytes(spent.peakBytes)}`,
  );
  if (profile.sharedFrom !== undefined)
    terminal.line(`measured by ${profile.sharedFrom}; this device checked it by steps of its own, and took it`);
  const stepTable = createTable(terminal, ["step", "memory planned", "seen", "time seen"]);
  for (const { config, plannedBytes, peakBytes, stepMs } of steps) {
    const seen = peakBytes === undefined ? "-" : formatBytes(peakBytes);
    stepTable.push([describeConfig(config), formatBytes(plannedBytes), seen, formatMs(typical(stepMs))]);
  }
  terminal.line(stepTable.toString());
  const curves = curvesOf(profile);
  if (curves.length === 0) return;
  const curveTable = createTable(terminal, ["learning curve", "judged by", "accuracy before", "after", "steps"]);
  for (const { loss, curve } of curves) {
    const { freezing, microBatch, judge, startAccuracy, points } = curve;
    const what = `${loss}, micro-batches of ${microBatch}, ${describeFreezing(freezing)}`;
    const last = points.at(-1);
    const after = last === undefined ? "-" : formatShare(last.accuracy);
    curveTable.push([what, JUDGES[judge], formatShare(startAccuracy), after, last?.steps ?? 0]);
  }
  terminal.line(curveTable.toString());
}

const JUDGES = { labels: "labels", "label-free": "estimate without labels" } as const;

/** Writes a profile to a file; with the model, as one that `mpo emulate`, `search` and `explain` read. */
async function exportProfile(
  device: string,
  model: string | undefined,
  options: ExportOptions,
  context: Files & Output & Stop,
): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  await checkOutput("--output", options.output, { workingFolder, ...options });
  const { profile, revision } = await withAdmin(options, context, (session) => find(device, model, options, session));
  const { output, weights } = options;
  if (weights === undefined) {
    await writeJsonFile(resolve(workingFolder, output), { kind: "mpo-measurements", revision, profile }, { signal });
  } else {
    const { exportWithModel } = await import("../fleet/export-with-model.ts");
    await exportWithModel(profile, { output, weights }, context);
  }
  terminal.record({ event: "exported", output, device, model: profile.model.name, revision });
  terminal.line(`the profile of ${profile.model.name} on ${device} is in ${output}`);
}

/** A device's profile of a model, or its only one. */
async function find(
  device: string,
  model: string | undefined,
  options: FleetOptions,
  session: AdminSession,
): Promise<GetProfileResponse> {
  const identity = { tenant: options.tenant, device };
  const named = model ?? (await onlyModel(device, options, session));
  return await session.admin.getProfile({ identity, model: named }, session.call);
}

async function onlyModel(device: string, options: FleetOptions, session: AdminSession): Promise<string> {
  const found: ListProfilesResponse["profiles"][number][] = [];
  for await (const { profiles } of summaries({ ...options, device }, session)) found.push(...profiles);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.model;
  if (only === undefined) {
    // Says whether there is such a device at all.
    await session.admin.getDevice({ identity: { tenant: options.tenant, device } }, session.call);
    throw new MpoError("not-found", `device ${device} has reported no profile yet`, {
      hint: `It probes when it is idle; see what it does: mpo events --device ${device}`,
    });
  }
  throw new MpoError(
    "invalid-argument",
    `device ${device} has profiles of ${found.map((one) => one.model).join(", ")}`,
    {
      hint: "Name the model after the device.",
    },
  );
}

function summaries({ tenant, device, model }: ListOptions, { admin, call }: AdminSession) {
  const filter = { tenant, ...given({ device, model }) };
  return pagesOf((page) => admin.listProfiles({ ...filter, ...page }, call));
}

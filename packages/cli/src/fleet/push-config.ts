import {
  ANY_METHOD,
  formatVersion,
  given,
  MAX_UINT32,
  METHOD_WISHES,
  type MethodWish,
  MpoError,
  type RetrainConfig,
  SEARCH_OBJECTIVES,
  type SearchBudget,
  type SearchObjective,
} from "@mpo/core";
import { ifFound } from "@mpo/io";
import type { DesiredDocument, DeviceIdentity } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { choice } from "../options/choice.ts";
import { addConfigOptions, type ConfigOptions, configFrom, requireSegments } from "../options/config-options.ts";
import { addFleetCommand, fleetName } from "../options/fleet-options.ts";
import { durationInMs, sizeInBytes, wholeNumber } from "../options/parsers.ts";
import { addChangeOptions, type ChangeOptions, failureOf } from "./change-config.ts";
import { ladderTable } from "./config-tables.ts";
import { type AdminSession, withAdmin } from "./with-admin.ts";

/** Sizes are bytes, times milliseconds. */
interface PushOptions extends ChangeOptions, Omit<ConfigOptions, "batch"> {
  readonly model?: string;
  readonly batch?: number;
  readonly memory?: number;
  readonly window?: number;
  readonly objective?: SearchObjective;
  readonly method?: MethodWish;
  readonly modelVersion?: number;
}

export function definePush(command: Command, context: CommandContext): void {
  addFleetCommand(command, HELP)
    .argument("<device>", "its name", fleetName)
    .option("--model <name>", "for this model (default: as in its newest document)", fleetName)
    .option("--model-version <n>", "serve this published version (default: as before)", wholeNumber(1, MAX_UINT32))
    .option("--memory <size>", "search within this much above idle, such as 150MiB (default: as before)", sizeInBytes)
    .option("--window <duration>", "search within this time, such as 60s (default: as before)", durationInMs)
    .addOption(choice("--objective <name>", "what the best is best at (default: as before)", SEARCH_OBJECTIVES))
    .addOption(choice("--method <name>", METHOD, METHOD_WISHES));
  addConfigOptions(addChangeOptions(command), "as before").action((device: string, options: PushOptions) =>
    pushConfig(device, options, context),
  );
}

const METHOD = `adapt by this alone; ${ANY_METHOD}: by any that the device may run (default: as before)`;
const HELP = `
Without one of --batch to --checkpoints, the coordinator searches again, with the budget that is given or was given before.
With one of them, that very configuration is pushed, whatever the search says.

Examples:
  mpo config push pi-7 --memory 100MiB --window 60s --reason "less memory for the new firmware"
  mpo config push pi-7 --model camera --model-version 3
  mpo config push pi-7 --method shot
  mpo config push pi-7 --micro-batch 8 --freeze 0.5 --segments 4 --expect 1.4 --wait 10s
`;

/** Gives a device a new document: a configuration that is named, or one that is searched again. */
async function pushConfig(device: string, options: PushOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device };
  const failure = await withAdmin(options, context, async (session) => {
    const { admin, call } = session;
    const current = (await ifFound(admin.getConfig({ identity }, call)))?.document;
    const model = options.model ?? current?.model ?? (await onlyModel(identity, session));
    const budget = budgetFrom(options, current);
    const config = await givenConfig(options, { identity, model }, current, session);
    const request = {
      ...{ identity, model, reason: options.reason },
      ...given({ budget, objective: options.objective, config, expectedVersion: options.expect }),
      ...given({ modelVersion: options.modelVersion, methods: methodsOf(options.method) }),
    };
    const { document } = await admin.pushConfig(request, call);
    terminal.record({ event: "pushed", requestId: call.requestId, document });
    terminal.line(`pushed ${formatVersion(document.version)} of ${model} to ${device}`);
    terminal.line(ladderTable(terminal, document, { windows: [], inUse: undefined }));
    for (const { code, text } of document.reasons) if (code === "over-budget") terminal.note(`warning: ${text}`);
    return await failureOf(identity, document, options.wait, { ...session, terminal });
  });
  // Thrown here, because it is the device that has not answered, and not the coordinator.
  if (failure !== undefined) throw failure;
}

function methodsOf(method: MethodWish | undefined) {
  if (method === undefined) return undefined;
  return method === ANY_METHOD ? ({ kind: "any" } as const) : ({ kind: "one", method } as const);
}

async function onlyModel(identity: DeviceIdentity, { admin, call }: AdminSession): Promise<string> {
  const { models } = (await admin.getDevice({ identity }, call)).device;
  const [only] = models;
  if (only !== undefined && models.length === 1) return only.name;
  const names = models.map(({ name }) => name).join(", ") || "none";
  throw new MpoError("invalid-argument", `device ${identity.device} serves ${names}; expected one`, {
    hint: "Say which with --model.",
  });
}

/** What is not said stays as it is in the newest document. */
function budgetFrom({ memory, window }: PushOptions, current: DesiredDocument | undefined): SearchBudget | undefined {
  if (memory === undefined && window === undefined) return undefined;
  const memoryBytes = memory ?? current?.budget.memoryBytes;
  const windowMs = window ?? current?.budget.windowMs;
  if (memoryBytes !== undefined && windowMs !== undefined) return { memoryBytes, windowMs };
  throw new MpoError("invalid-argument", "the device has no document to take the rest of the budget from", {
    hint: "Give both --memory and --window.",
  });
}

async function givenConfig(
  options: PushOptions,
  { identity, model }: { readonly identity: DeviceIdentity; readonly model: string },
  current: DesiredDocument | undefined,
  { admin, call }: AdminSession,
): Promise<RetrainConfig | undefined> {
  const { microBatch, freeze, freezeFeatures, freezeNorm, freezeLinear, trainLayers, segments, checkpoints } = options;
  const freezing = [freeze, freezeFeatures, freezeNorm, freezeLinear, trainLayers];
  const given = [microBatch, ...freezing, segments, checkpoints, options.batch];
  if (given.every((one) => one === undefined)) return undefined;
  const { profile } = await admin.getProfile({ identity, model }, call);
  requireSegments(options, profile.model.unitCount);
  const chosen = current?.model === model ? current.rungs[current.chosenRung]?.config : undefined;
  const usual = chosen === undefined ? profile.effectiveBatch : chosen.microBatch * chosen.accumulation;
  return configFrom({ ...options, batch: options.batch ?? usual });
}

import { resolve } from "node:path";
import { formatBytes, formatShare, given, isName, MAX_UINT32, MpoError } from "@mpo/core";
import { artifactBytes, type PublishedModel, versionName } from "@mpo/protocol";
import { type Command, InvalidArgumentError } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { type OptionParser, wholeNumber } from "../options/parsers.ts";
import { createListing } from "../output/listing.ts";
import { startProgress } from "../output/progress.ts";
import { createTable } from "../output/table.ts";
import { type Publication, readChunk, readPublication } from "./read-publication.ts";
import { type AdminSession, pagesOf, withAdmin } from "./with-admin.ts";

interface PublishOptions extends FleetOptions {
  readonly name: string;
  readonly version: number;
}

interface Version {
  readonly name: string;
  /** Absent: the newest. */
  readonly version?: number;
}

/** Chunks that are asked about in one call: each is read and checked where it lies. */
const ASKED_AT_ONCE = 128;

/** The part of `mpo models` that is about a fleet's models. */
export function definePublished(models: Command, context: CommandContext): void {
  const publish = models.command("publish").description("store a model for the devices of a fleet, as a version");
  addFleetCommand(publish, "\nExample:\n  mpo models publish runs/camera --name camera --version 3\n")
    .argument("<folder>", "the model with its card, as a serving folder has it")
    .requiredOption("--name <name>", "name under which devices serve it", fleetName)
    .requiredOption("--version <n>", "number of the version, for good", wholeNumber(1, MAX_UINT32))
    .action((folder: string, options: PublishOptions) => publishModel(folder, options, context));
  const published = models.command("published").description("list the models that are published for a fleet");
  addFleetCommand(published, "\nExamples:\n  mpo models published\n  mpo models published --name camera --json\n")
    .option("--name <name>", "only versions of this one", fleetName)
    .action((options: FleetOptions & { readonly name?: string }) => listPublished(options, context));
  const show = models.command("show").description("show a published model: what it is, its files, who serves it");
  addFleetCommand(show, "\nExamples:\n  mpo models show camera\n  mpo models show camera@3\n")
    .argument("<model>", "NAME@VERSION; without a version: the newest", versionOf)
    .action((version: Version, options: FleetOptions) => showPublished(version, options, context));
  const remove = models.command("remove").description("remove a version, with what no other version needs of it");
  addFleetCommand(remove, "\nExample:\n  mpo models remove camera@2\n")
    .argument("<model>", "NAME@VERSION", versionOf)
    .option("--force", "also when devices serve it or are to serve it: they keep it", false)
    .action((version: Version, options: FleetOptions & { readonly force: boolean }) =>
      removePublished(version, options, context),
    );
}

const versionOf: OptionParser<Version> = (text) => {
  const [, name, digits] = /^([^@]+)(?:@(\d{1,10}))?$/u.exec(text) ?? [];
  const version = digits === undefined ? undefined : Number(digits);
  if (!isName(name) || (version !== undefined && (version < 1 || version > MAX_UINT32))) {
    throw new InvalidArgumentError("Expected a model's name and version, such as camera@3.");
  }
  return { name, ...given({ version }) };
};

/** Reads the model, uploads what of it is not there yet, and publishes it. */
async function publishModel(folder: string, options: PublishOptions, context: Asking & CommandContext): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const path = resolve(workingFolder, folder);
  const publication = await readPublication(path, options, signal);
  const { manifest, passedOver, note } = publication;
  if (passedOver.length > 0) terminal.note(`no part of the model: ${passedOver.join(", ")}`);
  if (note !== undefined) terminal.note(note);
  const { answer, uploaded } = await withAdmin(options, context, async (session) => {
    const uploaded = await upload(publication, options.tenant, session, context);
    const { tenant } = options;
    return {
      answer: await session.admin.publishModel({ tenant, manifest, chain: publication.chain }, session.call),
      uploaded,
    };
  });
  const { model, isDuplicate } = answer;
  terminal.record({ event: "published", ...model, isDuplicate, uploadedChunks: uploaded });
  const name = versionName(model);
  const size = `${formatBytes(model.bytes)}, ${publication.places.size} chunks, ${uploaded} of them uploaded`;
  terminal.line(isDuplicate ? `${name} was published before (${size})` : `published ${name} (${size})`);
}

/** Uploads the chunks that are not stored yet; returns how many. Broken off, it continues where it was. */
async function upload(
  { manifest, places }: Publication,
  tenant: string,
  { admin, call }: AdminSession,
  { terminal }: Asking,
): Promise<number> {
  const digests = [...places.keys()];
  const missing: string[] = [];
  for (let at = 0; at < digests.length; at += ASKED_AT_ONCE) {
    const chunks = digests.slice(at, at + ASKED_AT_ONCE);
    missing.push(...(await admin.findMissingChunks({ tenant, chunks }, call)).missing);
  }
  const progress = startProgress(terminal, `uploading ${versionName(manifest)}`, missing.length);
  try {
    for (const [index, digest] of missing.entries()) {
      const place = places.get(digest);
      if (place === undefined) throw new MpoError("internal", "the coordinator asks for a chunk that nobody named");
      await admin.putChunk({ tenant, chunk: await readChunk(place) }, call);
      progress.update(index + 1, formatBytes(artifactBytes(manifest)));
    }
  } finally {
    progress.end();
  }
  return missing.length;
}

const HEAD = ["model", "size", "takes", "classes", "accuracy", "published", "by", "devices"];

async function listPublished(options: FleetOptions & { readonly name?: string }, context: Asking): Promise<void> {
  const { terminal } = context;
  const listing = createListing(terminal, HEAD);
  await withAdmin(options, context, async ({ admin, call }) => {
    const pages = pagesOf((page) =>
      admin.listPublishedModels({ tenant: options.tenant, ...given({ name: options.name }), ...page }, call),
    );
    for await (const { models } of pages) {
      for (const model of models) {
        listing.row(model, () => rowOf(model));
      }
    }
  });
  const count = listing.end();
  if (count === 0) terminal.note("no model is published: mpo models publish FOLDER --name NAME --version 1");
}

function rowOf(model: PublishedModel): readonly string[] {
  const { bytes, summary, publishedAtMs, publisher } = model;
  const { takes, classes, accuracy } = summary;
  return [
    versionName(model),
    formatBytes(bytes),
    takes,
    String(classes),
    accuracy === undefined ? "unknown" : formatShare(accuracy),
    new Date(publishedAtMs).toISOString().slice(0, 16),
    publisher,
    devicesOf(model),
  ];
}

function devicesOf({ serving, expected }: PublishedModel): string {
  return expected === 0 ? `${serving} serve it` : `${serving} serve it, ${expected} are to`;
}

async function showPublished({ name, version }: Version, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant } = options;
  const { model, manifest } = await withAdmin(options, context, ({ admin, call }) =>
    admin.getPublishedModel({ tenant, name, version: version ?? 0 }, call),
  );
  const files = manifest.files.map(({ chunks, ...file }) => ({ ...file, chunks: chunks.length }));
  terminal.record({ ...model, manifestDigest: manifest.manifestDigest, files });
  const table = createTable(terminal, [versionName(model), ""]);
  const { takes, classes, parameters, accuracy, madeBy } = model.summary;
  table.push(["takes", takes]);
  table.push(["gives", `${classes} classes`]);
  table.push(["parameters", String(parameters)]);
  if (accuracy !== undefined) table.push(["accuracy", formatShare(accuracy)]);
  if (madeBy !== "") table.push(["made by", madeBy]);
  table.push(["published", `${new Date(model.publishedAtMs).toISOString()} by ${model.publisher}`]);
  table.push(["digest", model.digest]);
  table.push(["devices", devicesOf(model)]);
  for (const file of files) table.push([file.name, formatBytes(file.bytes)]);
  terminal.line(table.toString());
}

async function removePublished(
  { name, version }: Version,
  options: FleetOptions & { readonly force: boolean },
  context: Asking,
): Promise<void> {
  if (version === undefined) throw new MpoError("invalid-argument", `which version of ${name}? Say ${name}@NUMBER`);
  const { tenant, force: isForced } = options;
  const { freedBytes } = await withAdmin(options, context, ({ admin, call }) =>
    admin.removePublishedModel({ tenant, name, version, isForced }, call),
  );
  context.terminal.record({ event: "removed", name, version, freedBytes });
  context.terminal.line(`removed ${versionName({ name, version })}, ${formatBytes(freedBytes)} are free`);
}

import { join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import {
  readAuthority,
  readPrivateFile,
  signingPublicKey,
  signKeyDocument,
  writeAuthority,
  writePrivateFile,
} from "@mpo/identity";
import { ifFound } from "@mpo/io";
import { claimFolder } from "@mpo/runtime";
import type { Command } from "commander";
import type { Asking, CommandContext, Files, Output, Stop } from "../command-context.ts";
import { takeDaemonOptions } from "../config-file/daemon-options.ts";
import { asOwner } from "../fleet/as-owner.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface RotateOptions extends FleetOptions {
  readonly root?: string;
  readonly reason: string;
}

interface ExportOptions extends ForceOption {
  readonly data?: string;
  readonly output: string;
}

/** Bytes of a file with a key of Ed25519 in PEM; one has about 120. */
const MAX_KEY_BYTES = 4096;

/** `mpo keys show`, `rotate` and `export-root`. */
export function define(keys: Command, context: CommandContext): void {
  addFleetCommand(
    keys.command("show").description("show the root key's public half, and the epoch of the keys that sign"),
  ).action((options: FleetOptions) => show(options, context));
  addFleetCommand(
    keys.command("rotate").description("replace the key that signs documents, and retire it everywhere"),
    ROTATE,
  )
    .option("--root <file>", "the fleet's root key, where it is kept offline; it does not leave this machine")
    .option("--reason <words>", "why; goes into the events", "")
    .action((options: RotateOptions) => rotate(options, context));
  const exported = keys.command("export-root");
  takeDaemonOptions(exported, "coordinator", context);
  exported
    .description("take the root key out of a coordinator's folder, to keep it offline")
    .option("--data <folder>", "the coordinator's, which must not run (default: as for mpo coordinator)")
    .requiredOption("-o, --output <file>", "where the key goes: a new file, in a folder that only you may enter")
    .addOption(forceOption())
    .addHelpText("after", EXPORT)
    .action((options: ExportOptions) => exportRoot(options, context));
}

const ROTATE = `
Devices take documents of the new key only, from their next contact on. A stolen key is worth nothing then.

Examples:
  mpo keys rotate --reason "yearly"
  mpo keys rotate --root /media/stick/fleet/root.pem --reason "a coordinator was broken into"
`;
const EXPORT = `
Whoever has the root key decides what the fleet's devices run. Without it mpo keys rotate needs the file: keep two copies.
Where coordinators share their keys in the store (--authority-key), end all of them, and start this one first.

Example:
  mpo keys export-root --output /media/stick/fleet/root.pem

Exit codes: 0 done; 2 a wrong argument; 4 a coordinator runs, the root key is not there, or the file is there already; 130 interrupted.`;

async function show(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { fleet, rootPublicKey, isRootOffline, epoch } = await withAdmin(options, context, ({ admin, call }) =>
    admin.getAuthority({}, call),
  );
  const root = base64url(rootPublicKey);
  terminal.record({ fleet, rootPublicKey: root, isRootOffline, epoch });
  terminal.line(`${fleet}: documents are signed in epoch ${epoch}`);
  terminal.line(`  root key ${root}, ${isRootOffline ? "kept offline" : "kept by the coordinator"}`);
}

async function rotate({ root, reason, ...options }: RotateOptions, context: Asking): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const rootPem = root === undefined ? undefined : await readRoot(resolve(workingFolder, root), signal);
  const epoch = await withAdmin(options, context, async ({ admin, call }) => {
    const { isRootOffline, rootPublicKey } = await admin.getAuthority({}, call);
    requireRoot(rootPem, isRootOffline ? base64url(rootPublicKey) : undefined);
    const made = await admin.rotateKeys({ reason }, call);
    if (made.publicKey === undefined || rootPem === undefined) return made.epoch;
    const publicKeys = [base64url(made.publicKey)];
    const keyDocument = signKeyDocument(rootPem, { epoch: made.epoch, publicKeys, issuedAtMs: Date.now() });
    return (await admin.installKeys({ keyDocument }, call)).epoch;
  });
  terminal.record({ event: "keys-rotated", epoch });
  terminal.line(`documents are signed in epoch ${epoch} from now on; the key from before is retired`);
}

async function readRoot(path: string, signal: AbortSignal): Promise<string> {
  return (await readPrivateFile(path, { maxBytes: MAX_KEY_BYTES, signal })).toString();
}

/** Before anything is asked for: a key that nobody vouches for would wait for ever. */
function requireRoot(rootPem: string | undefined, offlinePublicKey: string | undefined): void {
  if (offlinePublicKey === undefined) {
    if (rootPem === undefined) return;
    throw new MpoError("invalid-argument", "the coordinator has the root key itself", { hint: "Leave --root away." });
  }
  if (rootPem === undefined) {
    throw new MpoError("precondition-failed", "the fleet's root key is kept offline", {
      hint: "Give its file: --root FILE.",
    });
  }
  if (signingPublicKey(rootPem) === offlinePublicKey) return;
  throw new MpoError("invalid-argument", "this root key is another fleet's", {
    hint: "mpo keys show prints the public half of the right one.",
  });
}

async function exportRoot({ data, output, force }: ExportOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  await checkOutput("--output", output, { workingFolder, force });
  const store = coordinatorFolder(data, context);
  const folder = join(store, "authority");
  const hint = "End the coordinator first: it would put the key back.";
  // There is no such folder where others run the servers.
  await using _alone = await asOwner(store, () => ifFound(claimFolder(join(store, "nats"), { hint })));
  const { rootKeyPem, ...rest } = await asOwner(store, () => readAuthority(folder, { signal }));
  if (rootKeyPem === undefined) {
    throw new MpoError("not-found", `the root key is not in ${folder}: it was taken out before`);
  }
  await writePrivateFile(resolve(workingFolder, output), rootKeyPem, { signal });
  await asOwner(store, () => writeAuthority(folder, rest, { signal }));
  terminal.record({ event: "root-exported", file: output });
  terminal.line(`the root key is in ${output}, and no longer in ${folder}`);
  terminal.line("next: put it on two media that are kept apart, and delete it here, and in old copies of the folder");
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

import { resolve } from "node:path";
import { formatMoment, formatMs } from "@mpo/core";
import { writeFileAtomic } from "@mpo/io";
import type { GetAuthorityResponse } from "@mpo/protocol";
import type { Command } from "commander";
import { refreshContext } from "../access/contexts.ts";
import type { Asking, CommandContext } from "../command-context.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions } from "../options/fleet-options.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface RotateOptions extends FleetOptions {
  readonly distrust: boolean;
  readonly reason: string;
}

interface ExportOptions extends FleetOptions, ForceOption {
  readonly output?: string;
}

/** `mpo ca show`, `rotate` and `export`. */
export function define(ca: Command, context: CommandContext): void {
  addFleetCommand(
    ca.command("show").description("show the authorities that the fleet trusts, the one that issues first"),
  ).action((options: FleetOptions) => show(options, context));
  addFleetCommand(
    ca.command("rotate").description("make a new authority, which issues certificates from now on"),
    ROTATE,
  )
    .option(
      "--distrust",
      "trust those before no more, for a key that was stolen: every device has to join again",
      false,
    )
    .option("--reason <words>", "why; goes into the events", "")
    .action((options: RotateOptions) => rotate(options, context));
  addFleetCommand(
    ca.command("export").description("write the authorities' certificates as PEM; they are no secret"),
    EXPORT,
  )
    .option("-o, --output <file>", "where they go (default: standard output)")
    .addOption(forceOption())
    .action((options: ExportOptions) => exportAuthorities(options, context));
}

const ROTATE = `
Those before stay trusted until they end: devices renew their certificates one by one, and nothing is interrupted. People on
other machines run mpo whoami once within two weeks. The keys lie in the coordinator's folder: keep a copy of it.

Examples:
  mpo ca rotate --reason "yearly"
  mpo ca rotate --distrust --reason "a copy of the key was stolen"
`;
const EXPORT = "\nExamples:\n  mpo ca export --output fleet-ca.pem\n  mpo ca export | openssl x509 -noout -text\n";

async function authorityOf(options: FleetOptions, context: Asking): Promise<GetAuthorityResponse> {
  return await withAdmin(options, context, ({ admin, call }) => admin.getAuthority({}, call));
}

async function show(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { fleet, certificates, certificateValidMs } = await authorityOf(options, context);
  terminal.record({ fleet, certificates, certificateValidMs });
  terminal.line(
    `${fleet}; devices' certificates are good for ${formatMs(certificateValidMs)}, and renewed at half of it`,
  );
  certificates.forEach(({ digest, endsAtMs }, at) => {
    terminal.line(`  ${digest}  until ${formatMoment(endsAtMs)} UTC  ${at === 0 ? "issues" : "is trusted"}`);
  });
}

async function rotate(options: RotateOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { distrust: isDistrusting, reason } = options;
  const { certificate, all } = await withAdmin(options, context, async ({ admin, call }) => {
    const made = await admin.rotateAuthority({ isDistrusting, reason }, call);
    return { ...made, all: await admin.getAuthority({}, call) };
  });
  await refreshContext(options, all.certificates, context, context);
  terminal.record({ event: "authority-rotated", ...certificate, isDistrusting });
  terminal.line(`the authority ${certificate.digest} issues from now on`);
  terminal.line(
    isDistrusting
      ? "next: every device joins again, with a line of mpo token create; people log in again: mpo access create"
      : "next: nothing: devices learn of it by themselves. Make new lines for who is still to join or log in",
  );
}

async function exportAuthorities(options: ExportOptions, context: Asking): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const { output, force } = options;
  if (output !== undefined) await checkOutput("--output", output, { workingFolder, force });
  const { fleet, certificates } = await authorityOf(options, context);
  const pem = certificates.map(({ certificatePem }) => certificatePem).join("");
  terminal.record({ event: "authorities", fleet, pem, file: output ?? null });
  if (output === undefined) return terminal.line(pem.trimEnd());
  await writeFileAtomic(resolve(workingFolder, output), pem, { mode: 0o644, signal });
  terminal.line(
    `${certificates.length === 1 ? "the certificate is" : `${certificates.length} certificates are`} in ${output}`,
  );
}

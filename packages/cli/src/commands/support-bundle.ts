import { hostname } from "node:os";
import { resolve } from "node:path";
import { formatBytes } from "@mpo/core";
import { type ArchivePart, writeArchive } from "@mpo/io";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { runDoctor } from "../doctor/run-doctor.ts";
import { repeated } from "../options/address-options.ts";
import { addFleetOptions, type FleetOptions } from "../options/fleet-options.ts";
import { collect, type SupportOptions } from "../support/collect.ts";
import { withoutSecrets } from "../support/without-secrets.ts";

interface BundleOptions extends FleetOptions, SupportOptions {
  readonly output?: string;
}

export function define(command: Command, context: CommandContext): void {
  addFleetOptions(
    command
      .option("--output <file>", "the file to write (default: mpo-support-HOST-TIME.tar.gz here)")
      .option(
        "--data <folder>",
        "data folder of an agent or coordinator; may be repeated (default: the usual ones)",
        repeated(String),
      )
      .option(
        "--log <file>",
        "a log to take the end of; may be repeated (default: those of the services)",
        repeated(String),
      ),
  )
    .addHelpText("after", HELP)
    .action(async (options: BundleOptions) => {
      const { terminal, workingFolder, signal } = context;
      const stamp = new Date().toISOString().replaceAll(/[:.]/gu, "-");
      const path = resolve(workingFolder, options.output ?? `mpo-support-${hostname()}-${stamp}.tar.gz`);
      const parts: { readonly name: string; readonly bytes: number }[] = [];
      const noted = async function* (): AsyncGenerator<ArchivePart, void, undefined> {
        for await (const one of all(options, context)) {
          parts.push({ name: one.name, bytes: one.bytes.length });
          yield one;
        }
      };
      const bytes = await writeArchive(path, noted(), { isGzipped: true, signal });
      for (const { name, bytes: length } of parts) terminal.line(`  ${name} (${formatBytes(length)})`);
      terminal.record({ event: "bundled", file: path, bytes, parts });
      terminal.line(`wrote ${path}, ${formatBytes(bytes)}`);
      terminal.line(
        "keys, tokens, passwords and lines to join with are left out; names of devices, addresses and paths are in it",
      );
      terminal.line("look at it before you give it away: tar tzf FILE, tar xzf FILE");
    });
}

async function* all(options: BundleOptions, context: CommandContext): AsyncGenerator<ArchivePart, void, undefined> {
  yield* collect(options, context);
  // Its records, whatever it finds.
  const found: object[] = [];
  const terminal = {
    ...context.terminal,
    line: () => undefined,
    record: (...values: readonly object[]) => void found.push(...values),
  };
  await runDoctor(options, { ...context, terminal }).catch((thrown: unknown) => found.push({ ended: String(thrown) }));
  const text = found.map((each) => `${JSON.stringify(each)}\n`).join("");
  yield { name: "doctor.jsonl", bytes: Buffer.from(withoutSecrets(text)) };
}

const HELP = `
Collects what helps to find out what is wrong, in one file: this machine (memory, mounts, control groups), configuration files,
which files of state there are and what the small ones say, the end of the logs, and what mpo doctor finds.
Left out: keys, certificates' folders, tokens, passwords, lines to join or log in with, models, inputs, and the store.

Examples:
  mpo support-bundle
  mpo support-bundle --data /srv/agent --log agent.log --output support.tar.gz

Exit codes: 0 written, whatever mpo doctor found; 4 the file is there already; 6 the disk is full.`;

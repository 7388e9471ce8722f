import { join } from "node:path";
import { formatBytes, MpoError } from "@mpo/core";
import { checkStore, findNatsServer, type StoredStream, setAsideStreams } from "@mpo/transport";
import { type Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import { coordinatorFolder, natsServerPlaces } from "../fleet/coordinator-places.ts";
import { createTable } from "../output/table.ts";

interface StoreOptions {
  readonly data?: string;
  readonly natsServer?: string;
  readonly yes?: boolean;
}

export function define(store: Command, context: CommandContext): void {
  withPlace(store.command("check"))
    .description("list the streams of a store that no coordinator uses, and which are damaged")
    .action(async (options: StoreOptions) => {
      const streams = await check(options, context);
      const damaged = streams.filter(({ isDamaged }) => isDamaged).map(({ name }) => name);
      if (damaged.length === 0) return context.terminal.line("no stream is damaged");
      throw new MpoError("invalid-data", `damaged: ${damaged.join(", ")}`, {
        hint: "Restore a backup, or set them aside: mpo store set-aside --yes.",
      });
    });
  withPlace(store.command("set-aside"))
    .description("move streams out of a store; the next start makes empty ones")
    .argument("[stream...]", "streams (default: those that are damaged)")
    .option("--yes", "do it; else only say what would be lost", false)
    .action(async (named: readonly string[], options: StoreOptions) => {
      const { terminal } = context;
      const streams = await check(options, context);
      const chosen = streams.filter(({ name, isDamaged }) => (named.length === 0 ? isDamaged : named.includes(name)));
      const unknown = named.find((name) => chosen.every((stream) => stream.name !== name));
      if (unknown !== undefined) throw new MpoError("not-found", `the store has no stream ${unknown}`);
      if (chosen.length === 0) return terminal.line("no stream is damaged: nothing to set aside");
      for (const { name, loss } of chosen) terminal.line(`without ${name} is lost: ${loss}`);
      if (options.yes !== true) return terminal.line("nothing was changed; do it with --yes");
      const date = new Date().toISOString().replaceAll(/[:.]/gu, "-");
      const names = chosen.map(({ name }) => name);
      const folder = await setAsideStreams(natsFolder(options, context), names, date);
      terminal.record({ event: "set-aside", streams: names, folder });
      terminal.line(`set aside in ${folder}; start the coordinator again`);
    });
  store.addHelpText("after", HELP);
}

function withPlace(command: Command): Command {
  return command
    .option("--data <folder>", "where the fleet's state lies (default: as for mpo coordinator)")
    .addOption(new Option("--nats-server <path>", "to check with (default: one found)").env("MPO_NATS_SERVER"));
}

function natsFolder({ data }: StoreOptions, context: CommandContext): string {
  return join(coordinatorFolder(data, context), "nats");
}

async function check(options: StoreOptions, context: CommandContext): Promise<readonly StoredStream[]> {
  const { environment, terminal, signal } = context;
  const binary = await findNatsServer({ named: options.natsServer, ...natsServerPlaces(environment), signal });
  const streams = await checkStore({ binary, folder: natsFolder(options, context), signal });
  const table = createTable(terminal, ["stream", "state", "entries", "bytes"]);
  for (const { name, isDamaged, size, loss } of streams) {
    const state = isDamaged ? "damaged" : "ok";
    terminal.record({ stream: name, state, loss, ...size });
    table.push([name, state, String(size.entries ?? "not known"), formatBytes(size.bytes)]);
  }
  terminal.line(table.toString());
  return streams;
}

const HELP = `
Starts the store's nats-server for a moment: end the coordinator before.

Examples:
  mpo store check --data /var/lib/mpo
  mpo store set-aside --yes

Exit codes: 0 done; 3 a stream is damaged; 4 there is no store, or a coordinator uses it; 130 interrupted.`;

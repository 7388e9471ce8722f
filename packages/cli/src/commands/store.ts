import { join } from "node:path";
import { compareCopies } from "@mpo/coordinator";
import { formatBytes, MpoError } from "@mpo/core";
import { checkStore, findNatsServer, type StoredStream, type StoreReplicas, setAsideStreams } from "@mpo/transport";
import { type Command, Option } from "commander";
import type { CommandContext, Output } from "../command-context.ts";
import { takeDaemonOptions } from "../config-file/daemon-options.ts";
import { asOwner } from "../fleet/as-owner.ts";
import { coordinatorFolder, natsServerPlaces } from "../fleet/coordinator-places.ts";
import { type PlaceOptions, placeOf } from "../fleet/store-place.ts";
import { repeated, urlOf } from "../options/address-options.ts";
import { createTable } from "../output/table.ts";

interface StoreOptions {
  readonly data?: string;
  readonly natsServer?: string;
  readonly yes?: boolean;
}

export function define(store: Command, context: CommandContext): void {
  takeDaemonOptions(store, "coordinator", context);
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
      const place = natsFolder(options, context);
      const folder = await asOwner(place, () => setAsideStreams(place, names, date));
      terminal.record({ event: "set-aside", streams: names, folder });
      terminal.line(`set aside in ${folder}; start the coordinator again`);
    });
  store
    .command("compare")
    .description("compare what each NATS server of a cluster holds, and name the one that differs")
    .requiredOption("--nats <url>", "a server of the cluster; may be repeated", repeated(urlOf("nats", "tls")))
    .option("--data <folder>", "the coordinator's, with the fleet's keys (default: as for mpo coordinator)")
    .option("--nats-creds <file>", "credentials, where the folder has no keys")
    .action(async (options: Omit<PlaceOptions, "natsReplicas">) => {
      const found = await compareCopies(placeOf({ ...options, natsReplicas: 3 }, context));
      showCopies(found, context.terminal);
    });
  store.addHelpText("after", HELP);
}

function showCopies({ servers, away, differences }: StoreReplicas, terminal: Output["terminal"]): void {
  terminal.record({ event: "compared", servers, away, differences });
  if (away.length > 0) {
    throw new MpoError("unavailable", `nothing was compared: ${away.join(", ")} lacks the newest of the store`, {
      hint: "See whether it runs, and its log; then try again.",
    });
  }
  if (differences.length === 0) {
    terminal.line(
      servers.length === 0 ? "there is one copy: nothing to compare" : `${servers.join(", ")} hold the same`,
    );
    return;
  }
  for (const { stream, server, sequence, isCertain } of differences) {
    const which = isCertain ? "is not what the others hold" : "differs; which is right is not known";
    terminal.line(`${server}: ${stream}, from entry ${sequence} on, ${which}`);
  }
  const names = [...new Set(differences.map(({ server }) => server))];
  throw new MpoError("invalid-data", `copies differ: ${names.join(", ")}`, {
    hint: "See deploy/guides/cluster.md#a-copy-that-differs.",
  });
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
  const folder = natsFolder(options, context);
  const streams = await asOwner(folder, () => checkStore({ binary, folder, signal }));
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
check and set-aside start the store's nats-server for a moment: end the coordinator before. compare asks servers that run.

Examples:
  mpo store check --data /var/lib/mpo
  mpo store set-aside --yes
  mpo store compare --nats tls://a:4222

Exit codes: 0 done; 3 a stream is damaged, or a copy differs; 4 there is no store, or a coordinator uses
it; 6 a server is away; 130 interrupted.`;

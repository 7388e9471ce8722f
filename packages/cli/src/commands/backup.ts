import { join, resolve } from "node:path";
import { type BackupManifest, createBackup, restoreBackup, verifyBackup } from "@mpo/coordinator";
import { formatBytes, given } from "@mpo/core";
import { runningServer } from "@mpo/transport";
import { type Command, Option } from "commander";
import type { CommandContext, Output } from "../command-context.ts";
import { takeDaemonOptions } from "../config-file/daemon-options.ts";
import { requireOwner } from "../fleet/as-owner.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";
import { type PlaceOptions, placeOf } from "../fleet/store-place.ts";
import { repeated, urlOf } from "../options/address-options.ts";
import { wholeNumber } from "../options/parsers.ts";
import { createTable } from "../output/table.ts";

interface BackupOptions extends PlaceOptions {
  readonly replace?: boolean;
}

export function define(backup: Command, context: CommandContext): void {
  const { terminal, signal, workingFolder } = context;
  const at = (file: string): string => resolve(workingFolder, file);
  takeDaemonOptions(backup, "coordinator", context);
  withPlace(backup.command("create"))
    .description("write all of a store, and the fleet's keys, into one file; the coordinator may run")
    .argument("<file>", "the file to write; it must not be there")
    .action(async (file: string, options: BackupOptions) => {
      const path = at(file);
      const folder = coordinatorFolder(options.data, context);
      const store = options.nats === undefined ? await runningServer(join(folder, "nats")) : undefined;
      // Then a server of ours writes there.
      if (store !== undefined && store.url === undefined) await requireOwner(folder);
      const made = await createBackup({ ...placeOf(options, context), path });
      show(made.manifest, { terminal });
      const { bytes, wasRunning } = made;
      terminal.record({ event: "backed-up", file: path, bytes, wasRunning, ...summary(made.manifest) });
      terminal.line(`wrote ${path}, ${formatBytes(bytes)}${wasRunning ? ", while the store was in use" : ""}`);
      if (made.manifest.epoch !== undefined) terminal.line(`${path} holds the fleet's keys: keep it like a password`);
    });
  backup
    .command("verify")
    .description("read all of a backup, check it, and say what is in it")
    .argument("<file>", "a backup")
    .action(async (file: string) => {
      const { manifest } = await verifyBackup(at(file), signal);
      show(manifest, { terminal });
      terminal.record({ event: "verified", file: at(file), ...summary(manifest) });
      terminal.line(`${at(file)} is whole`);
    });
  withPlace(backup.command("restore"))
    .description("put a backup where a coordinator finds it; none may run there")
    .argument("<file>", "a backup")
    .option("--replace", "move a store that is there out of the way, to set-aside in the data folder", false)
    .action(async (file: string, options: BackupOptions) => {
      const place = placeOf(options, context);
      await requireOwner(coordinatorFolder(options.data, context));
      const done = await restoreBackup({ ...place, path: at(file), replaces: options.replace === true });
      show(done.manifest, { terminal });
      const { setAside, keptKeys } = done;
      terminal.record({ event: "restored", ...given({ setAside }), keptKeys, ...summary(done.manifest) });
      if (setAside !== undefined) terminal.line(`the store that was there lies in ${setAside}`);
      if (keptKeys) terminal.line("the keys that were there stay: they are as new as those of the backup, or newer");
      terminal.line(
        "restored; start the coordinator. Devices keep what they run: see who knows more than the store with",
      );
      terminal.line("  mpo events --since 1h    and    mpo rollout list");
    });
  backup.addHelpText("after", HELP);
}

function withPlace(command: Command): Command {
  return command
    .option("--data <folder>", "where the fleet's state lies (default: as for mpo coordinator)")
    .addOption(new Option("--nats-server <path>", "to use while none runs (default: one found)").env("MPO_NATS_SERVER"))
    .option("--nats <url>", "the store is in this cluster; may be repeated", repeated(urlOf("nats", "tls")))
    .option("--nats-creds <file>", "credentials for it, where the folder has no keys")
    .option("--nats-replicas <n>", "copies of each stream that is made there", wholeNumber(1, 5), 3);
}

function summary({ head, streams, parts, epoch }: BackupManifest) {
  const { release, fleet, createdAtMs, natsServer } = head;
  const facts = { release, natsServer, createdAt: new Date(createdAtMs).toISOString(), ...given({ fleet, epoch }) };
  return { ...facts, streams: streams.length, parts: parts.length };
}

function show(manifest: BackupManifest, { terminal }: Output): void {
  const { head, streams, epoch } = manifest;
  const table = createTable(terminal, ["stream", "entries", "bytes"]);
  for (const { name, entries, records, bytes, digest } of streams) {
    terminal.record({ stream: name, entries, records, bytes, digest });
    table.push([name, String(entries), formatBytes(bytes)]);
  }
  terminal.line(table.toString());
  const whose = head.fleet === undefined ? "a fleet without keys" : `${head.fleet}, keys of epoch ${epoch}`;
  terminal.line(`${whose}; of ${new Date(head.createdAtMs).toISOString()}, by release ${head.release}`);
}

const HELP = `
A backup is one tar file: the store as it was at one moment (each stream; what names something else comes first), and the
fleet's keys. Whoever has the file is the fleet: it is readable by its owner only (mode 600); keep it like a password.
Not in it: the folders of --models and --tls-key, the file of --authority-key, and what lies on devices.

create works beside a running coordinator, on its machine. restore needs an empty folder, or --replace; the store is read
back and compared before it takes its place, and a failure leaves nothing. Keys that are newer than the backup's stay.

After a restore, devices know more than the store. None goes back to an older configuration: each keeps what it runs, and
the coordinator takes that over from it. A rollout that was under way is shown as conflicted, and waits for a person.

Examples:
  mpo backup create /backup/fleet-$(date +%F).tar --data /var/lib/mpo/coordinator
  mpo backup verify /backup/fleet-2026-11-30.tar
  mpo backup restore /backup/fleet-2026-11-30.tar --data /var/lib/mpo/coordinator --replace
  mpo backup create fleet.tar --nats nats://a:4222 --nats nats://b:4222 --data /var/lib/mpo/coordinator

Exit codes: 0 done; 3 the backup is damaged; 4 there is no store, one is in the way or in use, or the backup is another
fleet's or a later release's; 6 the disk is full, or NATS does not answer; 130 interrupted.`;

import { join, resolve } from "node:path";
import { authorityIn } from "@mpo/coordinator";
import { issueServerCertificate, NATS_NAME, trustedCertificates, writePrivateFile } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { fleetClaims, natsSetup } from "@mpo/transport";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";
import { durationOption } from "../options/parsers.ts";

interface SetupOptions {
  readonly data?: string;
  readonly output?: string;
  readonly accountsFolder: string;
  /** Milliseconds. */
  readonly expires: number;
}

/** `mpo nats setup`. */
export function define(nats: Command, context: CommandContext): void {
  nats
    .command("setup")
    .description("print or write what NATS servers of others need, so that they serve a fleet")
    .option(
      "--data <folder>",
      "the coordinator's, with the fleet's keys; made if it is new (default: as for mpo coordinator)",
    )
    .option("-o, --output <folder>", "write the files of a server there (default: print its configuration)")
    .option("--accounts-folder <folder>", "where a server keeps the accounts", "accounts")
    .addOption(durationOption("--expires <duration>", "how long the servers' certificate is good", "365d"))
    .addHelpText("after", HELP)
    .action((options: SetupOptions) => setup(options, context));
}

const HELP = `
The coordinator starts a server of its own, and needs none of this. For a cluster: give each server what is printed, and the
certificate and key that --output writes; then: mpo coordinator --nats tls://a:4222. It checks all of it when it starts.

Examples:
  mpo nats setup
  mpo nats setup --data /var/lib/mpo --output nats-files

Exit codes: 0 done; 4 others can read the fleet's keys; 130 interrupted.`;

const TLS = "tls { cert_file: nats-cert.pem, key_file: nats-key.pem, handshake_first: true }\n";

async function setup(options: SetupOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const { data, output, accountsFolder, expires: lifetimeMs } = options;
  const nowMs = Date.now();
  const folder = join(coordinatorFolder(data, context), "authority");
  const { authority, isNew } = await authorityIn(folder, { clock: systemClock, signal });
  if (isNew) terminal.note(`made the keys of a new fleet in ${folder}: start its first coordinator with this folder`);
  const { fleetId, nats, certificateAuthorities } = authority;
  const claims = fleetClaims(nats, { fleetId, nowMs, revocations: new Map() });
  const { config } = natsSetup(nats, claims, { accountsFolder, nowMs, expiresAtMs: nowMs + lifetimeMs });
  const text = `${TLS}${config}`;
  terminal.record({ event: "nats-setup", fleet: fleetId, config: text, folder: output ?? null });
  const [issuer] = certificateAuthorities;
  if (output === undefined || issuer === undefined) return terminal.line(text.trimEnd());
  const pair = await issueServerCertificate(issuer, { dnsNames: [NATS_NAME], nowMs, lifetimeMs });
  const files = {
    "fleet.conf": text,
    "fleet-ca.pem": trustedCertificates(authority),
    "nats-cert.pem": pair.certificatePem,
    "nats-key.pem": pair.privateKeyPem,
  };
  for (const [name, content] of Object.entries(files)) {
    await writePrivateFile(join(resolve(workingFolder, output), name), content, { signal });
  }
  terminal.line(`wrote ${Object.keys(files).join(", ")} to ${output}; nats-key.pem is secret`);
  terminal.line("next: include fleet.conf in the configuration of each server, and start them again");
}

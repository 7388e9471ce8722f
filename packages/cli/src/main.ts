#!/usr/bin/env node
import { userInfo } from "node:os";
import { given } from "@mpo/core";
import { goesToJournal, NOTIFY_VARIABLES } from "@mpo/runtime";
import { watchOutput } from "./output/standard-output.ts";
import { runCli } from "./run-cli.ts";

// Nothing can be said where standard error is gone; what runs continues.
process.stderr.on("error", () => undefined);

// What a service manager wants to hear of this process, no child may say.
const environment = { ...process.env };
for (const name of NOTIFY_VARIABLES) delete process.env[name];

process.exitCode = await runCli(process.argv.slice(2), {
  environment,
  workingFolder: process.cwd(),
  configFolder: "/etc/mpo",
  ...given({ userName: userName() }),
  stdout: process.stdout,
  stderr: process.stderr,
  process,
  output: watchOutput(process.stdout),
  isForJournal: goesToJournal(environment, process.stderr.fd),
});

/** Undefined for a user whom the system does not know by name, as containers have. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** Everything is said and done: what a library still holds open must not hold the process. */
const LINGER_MS = 1_000;
setTimeout(() => process.exit(), LINGER_MS).unref();

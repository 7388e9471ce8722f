#!/usr/bin/env node
import { watchOutput } from "./output/standard-output.ts";
import { runCli } from "./run-cli.ts";

// Nothing can be said where standard error is gone; what runs continues.
process.stderr.on("error", () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  workingFolder: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  process,
  output: watchOutput(process.stdout),
});

/** Everything is said and done: what a library still holds open must not hold the process. */
const LINGER_MS = 1_000;
setTimeout(() => process.exit(), LINGER_MS).unref();

#!/usr/bin/env node
import { runCli } from "./run-cli.ts";

// The reader of a pipe may have seen enough (`mpo models | head -1`): that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  workingFolder: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  process,
});

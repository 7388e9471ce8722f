export { type RunCliOptions, runCli } from "./run-cli.ts";

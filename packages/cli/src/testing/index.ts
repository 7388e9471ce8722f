export { runCommand, startCommand } from "./run-command.ts";

export { runCommand } from "./run-command.ts";
export { startOidcCoordinator } from "./start-daemon.ts";

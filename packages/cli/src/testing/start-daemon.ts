import { join } from "node:path";
import type { TestContext } from "node:test";
import { type CommandOutcome, type StartedCommand, startCommand } from "./run-command.ts";

/** A daemon that says it is ready, and its answer to a stop. */
export interface RunningDaemon {
  /** Its record `ready`. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly command: StartedCommand;
  stop(signal?: "SIGINT" | "SIGTERM"): Promise<CommandOutcome>;
}

/** Starts `mpo coordinator` or `mpo agent` in this process; it is stopped after the test. */
export async function startDaemon(
  context: TestContext,
  args: readonly string[],
  options: Parameters<typeof startCommand>[1] = {},
): Promise<RunningDaemon> {
  const command = startCommand([...args, "--json"], options);
  const stop: RunningDaemon["stop"] = (signal = "SIGTERM") => {
    command.signal(signal);
    return command.outcome;
  };
  context.after(() => stop());
  const ready = await command.record(({ event }) => event === "ready");
  return { ready, command, stop };
}

/** Starts a coordinator on free ports that knows people of the group `readers` by an OpenID provider; its state is in a folder. */
export async function startOidcCoordinator(
  context: TestContext,
  { issuer, clientId, folder }: Readonly<Record<"issuer" | "clientId" | "folder", string>>,
  options: Parameters<typeof startCommand>[1],
): Promise<RunningDaemon> {
  const oidc = ["--oidc-issuer", issuer, "--oidc-client-id", clientId, "--oidc-role", "readers=viewer"];
  const listen = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", join(folder, "data")];
  return await startDaemon(context, ["coordinator", ...listen, ...oidc], options);
}

import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { given } from "@mpo/core";
import { cacheFolder } from "@mpo/datasets";
import { findNatsServer } from "@mpo/transport";
import { type RunningDaemon, startDaemon } from "../testing/start-daemon.ts";

const { PATH = "", MPO_NATS_SERVER: named } = process.env;

/** Why there is no `nats-server` here; false: there is one. For `skip`. */
export const noNatsServer: string | false = await findNatsServer({
  searchPath: PATH.split(delimiter),
  cacheFolder: cacheFolder(process.env, homedir()),
  ...given({ named }),
}).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

/** What a test starts ends after its folder is removed, and agents write as they end. */
const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the test. */
export async function testFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-cli-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  folders.push(folder);
  return folder;
}

/** Options of a command that asks a coordinator of `startCoordinator`. */
export function at(coordinator: unknown): readonly string[] {
  return ["--insecure", "--coordinator", String(coordinator)];
}

/** Starts a coordinator on free ports, which asks nobody who they are. */
export function startCoordinator(
  context: TestContext,
  folder: string,
  more: readonly string[] = [],
): Promise<RunningDaemon> {
  const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  return startDaemon(context, ["coordinator", "--insecure", ...ports, "--data", join(folder, "coordinator"), ...more]);
}

/** A user of a machine: state and configuration of their own, in a folder. */
export function userIn(folder: string): Readonly<Record<string, string | undefined>> {
  return { ...process.env, XDG_STATE_HOME: join(folder, "state"), XDG_CONFIG_HOME: join(folder, "config") };
}

import { given, MpoError } from "@mpo/core";
import type { CommandContext } from "../command-context.ts";
import { type DaemonName, daemonOptions } from "../config-file/daemon-options.ts";
import type { Check } from "./check.ts";

type Options<Name extends DaemonName> = Awaited<ReturnType<typeof daemonOptions<Name>>>["options"];

/** What a daemon of this machine would run by, and the check of the file that says so. */
export interface DaemonSettings<Name extends DaemonName> {
  readonly options: Options<Name>;
  readonly checks: Readonly<Record<string, Check["run"]>>;
}

/** Where the environment or the config file is wrong, what is usual is looked at, and the check says what is wrong. */
export async function settingsOf<Name extends DaemonName>(
  name: Name,
  context: CommandContext,
): Promise<DaemonSettings<Name>> {
  const title = `${name}'s settings`;
  try {
    const { path, options } = await daemonOptions(name, context);
    const found = path ?? "no config file: what is usual, and the environment";
    return { options, checks: { [title]: async () => ({ state: "ok", found }) } };
  } catch (thrown) {
    const { message, hint: fix } = MpoError.from(thrown);
    const { options } = await daemonOptions(name, { ...context, environment: {}, userName: "" });
    return { options, checks: { [title]: async () => ({ state: "broken", found: message, ...given({ fix }) }) } };
  }
}

import type { Instance } from "@mpo/protocol";
import type { SystemFiles } from "./system-files.ts";

/** What tells a machine from others, and one of its boots from the next; absent where it has none. */
export async function machineMarks(files: SystemFiles): Promise<Omit<Instance, "instanceId">> {
  const mark = async (path: string): Promise<string | undefined> => {
    const text = await files.text(path);
    return text !== undefined && /^[\w-]{1,64}$/.test(text) ? text : undefined;
  };
  return { machineId: await mark("etc/machine-id"), bootId: await mark("proc/sys/kernel/random/boot_id") };
}

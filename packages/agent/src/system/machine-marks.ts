import { isName } from "@mpo/core";
import type { Instance } from "@mpo/protocol";
import type { SystemFiles } from "./system-files.ts";

/** What systemd writes as the id of a machine whose first boot has not ended. */
const NO_ID_YET = "uninitialized";

/** What distinguishes a machine from others, and one of its boots from the next; absent where it has none. */
export async function machineMarks(files: SystemFiles): Promise<Omit<Instance, "instanceId">> {
  const mark = async (path: string): Promise<string | undefined> => {
    const text = await files.text(path);
    return isName(text) && text !== NO_ID_YET ? text : undefined;
  };
  return { machineId: await mark("etc/machine-id"), bootId: await mark("proc/sys/kernel/random/boot_id") };
}

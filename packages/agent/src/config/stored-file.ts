import { MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { Disk } from "../ports/disk.ts";

/**
 * What a file of the agent holds; undefined: nothing that this release can read. Such a file is set aside as
 * `<name>.damaged` and logged: losing what it held is less than losing the device.
 */
export async function readStored<T>(
  disk: Disk,
  name: string,
  decode: (bytes: Uint8Array) => T,
  logger: Logger,
): Promise<T | undefined> {
  const bytes = await disk.read(name);
  if (bytes === undefined) return undefined;
  try {
    return decode(bytes);
  } catch (thrown) {
    logger.error("a file of the agent cannot be read; it is set aside", { file: name, err: MpoError.from(thrown) });
    await setAside(disk, name, bytes, logger);
    return undefined;
  }
}

/** On a full disk it stays where it is, and is overwritten. */
async function setAside(disk: Disk, name: string, bytes: Uint8Array, logger: Logger): Promise<void> {
  try {
    await disk.write(`${name}.damaged`, bytes);
    await disk.remove(name);
  } catch (thrown) {
    if (!(thrown instanceof MpoError) || thrown.code !== "unavailable") throw thrown;
    logger.error("a damaged file could not be set aside", { file: name, err: thrown });
  }
}

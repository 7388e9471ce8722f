import { crc32 } from "node:zlib";
import { checked, type Fact, type fact, hasCode, MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { Disk } from "../ports/disk.ts";

type Schema = ReturnType<typeof fact.object>;

/** Where the agent's files lie, and where what goes wrong with them is logged. */
export interface FilePlace {
  readonly disk: Disk;
  readonly logger: Logger;
}

/** A file of the agent: JSON with a checksum, so that a changed bit is noticed. */
export function encodeStored(value: unknown): Uint8Array {
  const body = JSON.stringify(value);
  return Buffer.from(`${checksum(body)} ${body}\n`);
}

/**
 * What a file of the agent holds; undefined: nothing that this release can read. Such a file is set aside as
 * `<name>.damaged` and logged: losing what it held is less than losing the device.
 */
export async function readStored<Record extends Schema>(
  { disk, logger }: FilePlace,
  name: string,
  schema: Record,
): Promise<Fact<Record> | undefined> {
  const bytes = await disk.read(name);
  if (bytes === undefined) return undefined;
  try {
    return decoded(bytes, name, schema);
  } catch (thrown) {
    logger.error("a file of the agent cannot be read; it is set aside", { file: name, err: MpoError.from(thrown) });
    // On a full disk it stays where it is, and is overwritten.
    await unlessFull(logger, "a damaged file could not be set aside", name, async () => {
      await disk.write(`${name}.damaged`, bytes);
      await disk.remove(name);
    });
    return undefined;
  }
}

/** Writes a file that costs no more than another probe when it is lost: a full disk is logged, not thrown. */
export async function keepStored({ disk, logger }: FilePlace, name: string, value: unknown): Promise<boolean> {
  const message = "a file of the agent could not be written: what is new in it is lost with a restart";
  return await unlessFull(logger, message, name, () => disk.write(name, encodeStored(value)));
}

/** Throws `invalid-data` for what `encodeStored` did not make, or of what is not as its schema has it. */
function decoded<Record extends Schema>(bytes: Uint8Array, name: string, schema: Record): Fact<Record> {
  const all = Buffer.from(bytes).toString("utf8");
  const body = all.slice(9, -1);
  if (all.slice(0, 9) !== `${checksum(body)} `) {
    throw new MpoError("invalid-data", `${name} is damaged: its checksum does not fit`);
  }
  return checked(schema, JSON.parse(body), name);
}

async function unlessFull(logger: Logger, message: string, file: string, write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (thrown) {
    if (!hasCode(thrown, "unavailable")) throw thrown;
    logger.error(message, { file, err: thrown });
    return false;
  }
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, "0");
}

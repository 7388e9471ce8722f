import { fact, type MpoError, type Profile, profileSchema } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import { decodeStored, encodeStored } from "../config/stored-config.ts";
import { readStored } from "../config/stored-file.ts";
import type { Disk } from "../ports/disk.ts";

const fileOf = (model: string): string => `profile-${model}`;

/** What the last whole probe of a model measured; undefined: nothing that this release can read. */
export function readKnownProfile(disk: Disk, model: string, logger: Logger): Promise<Profile | undefined> {
  const decode = (bytes: Uint8Array): Profile =>
    decodeStored(bytes, "the last profile", fact.object({ profile: profileSchema })).profile;
  return readStored(disk, fileOf(model), decode, logger);
}

/** Keeps a profile. A full disk is told, not thrown: it costs no more than another probe. */
export async function writeKnownProfile(disk: Disk, profile: Profile, logger: Logger): Promise<void> {
  try {
    await disk.write(fileOf(profile.model.name), encodeStored({ profile }));
  } catch (thrown) {
    if ((thrown as Partial<MpoError>).code !== "unavailable") throw thrown;
    logger.error("a profile could not be kept", { model: profile.model.name, err: thrown });
  }
}

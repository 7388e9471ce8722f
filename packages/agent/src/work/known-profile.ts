import { fact, type Profile, profileSchema } from "@mpo/core";
import { type FilePlace, keepStored, readStored } from "../config/stored-file.ts";

const schema = fact.object({ profile: profileSchema });
const fileOf = (model: string): string => `profile-${model}`;

/** What the last whole probe of a model measured; undefined: nothing that this release can read. */
export async function readKnownProfile(place: FilePlace, model: string): Promise<Profile | undefined> {
  return (await readStored(place, fileOf(model), schema))?.profile;
}

export async function keepKnownProfile(place: FilePlace, profile: Profile): Promise<void> {
  await keepStored(place, fileOf(profile.model.name), { profile });
}

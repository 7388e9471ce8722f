import { join } from "node:path";

/** Where an agent keeps who it is: in a folder of its data folder that nobody else may enter. */
export interface IdentityFiles {
  readonly folder: string;
  readonly key: string;
  /** There from when it has joined a fleet. */
  readonly membership: string;
  /** The line to join with, while somebody has still to accept the device. */
  readonly joinLine: string;
}

export function identityFiles(dataFolder: string): IdentityFiles {
  const folder = join(dataFolder, "identity");
  return {
    folder,
    key: join(folder, "device-key.pem"),
    membership: join(folder, "membership.json"),
    joinLine: join(folder, "join.txt"),
  };
}

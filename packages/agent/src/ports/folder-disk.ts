import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isFileName, MpoError } from "@mpo/core";
import { fileError, removeLeftTemporaries, systemErrorCode, writeFileAtomic } from "@mpo/io";
import { Journal } from "@mpo/runtime";
import type { Disk } from "./disk.ts";

/** A disk in a folder, which is made when something is written. Removes what killed writers left there. */
export async function openFolderDisk(folder: string): Promise<Disk> {
  await removeLeftTemporaries(folder);
  const pathOf = (name: string): string => {
    if (isFileName(name)) return join(folder, name);
    throw new MpoError("invalid-argument", `${JSON.stringify(name)} is no plain file name`);
  };
  return {
    read: async (name) => {
      try {
        return await readFile(pathOf(name));
      } catch (thrown) {
        if (systemErrorCode(thrown) === "ENOENT") return undefined;
        throw fileError(thrown, "read", pathOf(name));
      }
    },
    write: (name, content) => writeFileAtomic(pathOf(name), content),
    remove: async (name) => {
      try {
        await rm(pathOf(name), { force: true });
      } catch (thrown) {
        throw fileError(thrown, "remove", pathOf(name));
      }
    },
    openJournal: async (name) => {
      const journal = await Journal.open(pathOf(name));
      return {
        ...journal.opening,
        get sizeBytes() {
          return journal.sizeBytes;
        },
        append: (payload) => journal.append(payload),
        compact: (payloads) => journal.compact(payloads),
        close: () => journal.close(),
      };
    },
  };
}

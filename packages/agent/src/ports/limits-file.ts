import { readFile } from "node:fs/promises";
import { fileError, systemErrorCode } from "@mpo/io";

/** Where a device's owner states limits. */
export interface LimitsFile {
  readonly path: string;
  /** What it holds; undefined: there is none. Throws `not-found` where there has to be one. */
  read(): Promise<string | undefined>;
}

/** The file on a disk; `isNamed`: somebody has named it, so it has to be there. */
export function limitsFile(path: string, isNamed: boolean): LimitsFile {
  return {
    path,
    read: async () => {
      try {
        return await readFile(path, "utf8");
      } catch (thrown) {
        if (!isNamed && systemErrorCode(thrown) === "ENOENT") return undefined;
        throw fileError(thrown, "read", path);
      }
    },
  };
}

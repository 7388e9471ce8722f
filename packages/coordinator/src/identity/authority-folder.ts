import { randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { MpoError } from "@mpo/core";
import { type Authority, createAuthority, createNatsAuthority, readAuthority, writeAuthority } from "@mpo/identity";
import { type Abortable, type Clock, ifFound } from "@mpo/io";
import { lockFile } from "@mpo/runtime";

type Waiting = Abortable & { readonly clock: Clock };

const WAIT_MS = 100;

/** Reads the authority that lies in a folder; undefined: there is none. Throws as `readAuthority` does. */
export async function foundAuthority(folder: string, options: Abortable): Promise<Authority | undefined> {
  return await ifFound(readAuthority(folder, options));
}

/** Reads the authority that lies in a folder, or makes one at the first start. */
export async function authorityIn(
  folder: string,
  options: Waiting,
): Promise<{ readonly authority: Authority; readonly isNew: boolean }> {
  const found = await foundAuthority(folder, options);
  if (found !== undefined) return { authority: found, isNew: false };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return await locked(folder, options, async () => {
    const others = await foundAuthority(folder, options);
    if (others !== undefined) return { authority: others, isNew: false };
    const fleetId = `fleet-${randomBytes(6).toString("hex")}`;
    const authority = await createAuthority({ fleetId, nats: createNatsAuthority(), nowMs: options.clock.now() });
    await writeAuthority(folder, authority, options);
    return { authority, isNew: true };
  });
}

/** Puts an authority in the place of the one that it was made from. Throws `conflict` when that is no longer there. */
export async function replaceIn(folder: string, before: Authority, next: Authority, options: Waiting): Promise<void> {
  await locked(folder, options, async () => {
    if (!isDeepStrictEqual(await readAuthority(folder, options), before)) throw changedMeanwhile();
    await writeAuthority(folder, next, options);
  });
}

export function changedMeanwhile(): MpoError {
  return new MpoError("conflict", "another coordinator has just changed the fleet's keys", {
    hint: "Nothing was changed here. Look again in a few seconds, and repeat it if it is still needed.",
  });
}

/** Two that have mounted one folder must not make two fleets of it, nor lose what the other has changed. */
async function locked<T>(folder: string, { clock, signal }: Waiting, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const lock = await open(join(folder, "authority.lock"), "a", 0o600);
    try {
      if (await lockFile(lock.fd, folder)) return await work();
    } finally {
      await lock.close();
    }
    await clock.sleep(WAIT_MS, { signal });
  }
}

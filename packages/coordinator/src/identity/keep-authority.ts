import { randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, MpoError } from "@mpo/core";
import {
  type Authority,
  createAuthority,
  createNatsAuthority,
  fingerprintOf,
  readAuthority,
  unwrapAuthority,
  wrapAuthority,
  writeAuthority,
} from "@mpo/identity";
import type { Abortable, Clock } from "@mpo/io";
import { lockFile } from "@mpo/runtime";
import { BUCKETS, type StateStore } from "@mpo/transport";

const WAIT_MS = 100;

/** Reads the authority that lies in a folder, or makes one at the first start. Throws as `readAuthority` does. */
export async function authorityIn(
  folder: string,
  { clock, signal }: Abortable & { readonly clock: Clock },
): Promise<{ readonly authority: Authority; readonly isNew: boolean }> {
  for (;;) {
    try {
      return { authority: await readAuthority(folder, { signal }), isNew: false };
    } catch (thrown) {
      if (!hasCode(thrown, "not-found")) throw thrown;
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Two that begin at once on a folder that both have mounted must not make two fleets.
    const lock = await open(join(folder, "authority.lock"), "a", 0o600);
    try {
      if (!(await lockFile(lock.fd, folder))) {
        await clock.sleep(WAIT_MS, { signal });
        continue;
      }
      const found = await readAuthority(folder, { signal }).catch((thrown: unknown) => {
        if (hasCode(thrown, "not-found")) return undefined;
        throw thrown;
      });
      if (found !== undefined) return { authority: found, isNew: false };
      const fleetId = `fleet-${randomBytes(6).toString("hex")}`;
      const authority = await createAuthority({ fleetId, nats: createNatsAuthority(), nowMs: clock.now() });
      await writeAuthority(folder, authority, { signal });
      return { authority, isNew: true };
    } finally {
      await lock.close();
    }
  }
}

const WRAPPED = "wrapped";
const FLEET = "fleet";

/**
 * The authority that a store's coordinators share: with a wrapping key, the one in the store, where `own` is put if there is
 * none yet; without, `own`, which must be that of the store's fleet. Throws `precondition-failed` when it is not.
 */
export async function sharedAuthority(
  store: StateStore,
  own: Authority | undefined,
  wrappingKey: Uint8Array | undefined,
  options: Abortable = {},
): Promise<Authority> {
  const authority = wrappingKey === undefined ? own : await fromStore(store, own, wrappingKey, options);
  if (authority === undefined) throw new MpoError("internal", "there is no authority to begin with");
  await requireFleet(store, authority, options);
  return authority;
}

async function fromStore(
  store: StateStore,
  own: Authority | undefined,
  wrappingKey: Uint8Array,
  options: Abortable,
): Promise<Authority> {
  for (;;) {
    const entry = await store.get(BUCKETS.authority, WRAPPED, options);
    if (entry !== undefined) return unwrapAuthority(entry.value, wrappingKey);
    if (own === undefined) {
      throw new MpoError("precondition-failed", "the store holds no authority yet, and there is none in the folder", {
        hint: "Start the first coordinator with the folder that `mpo nats setup` wrote.",
      });
    }
    try {
      await store.create(BUCKETS.authority, WRAPPED, wrapAuthority(own, wrappingKey), options);
    } catch (thrown) {
      if (!hasCode(thrown, "conflict")) throw thrown;
    }
  }
}

/** Puts a changed authority in the store, where the others take it from. */
export async function storeAuthority(store: StateStore, authority: Authority, wrappingKey: Uint8Array): Promise<void> {
  await store.put(BUCKETS.authority, WRAPPED, wrapAuthority(authority, wrappingKey));
}

/** Authorities that others put in the store, until the signal aborts. */
export async function* storedAuthorities(
  store: StateStore,
  wrappingKey: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<Authority, void, undefined> {
  for await (const change of store.watch(BUCKETS.authority, { keys: WRAPPED, signal })) {
    if (change.kind === "put") yield unwrapAuthority(change.entry.value, wrappingKey);
  }
}

/** Coordinators with different authorities would turn each other's devices away. */
async function requireFleet(store: StateStore, authority: Authority, options: Abortable): Promise<void> {
  const { fleetId, certificateAuthorities } = authority;
  const own = `${fleetId} ${certificateAuthorities.map(({ certificatePem }) => fingerprintOf(certificatePem)).at(-1)}`;
  const found = await store.get(BUCKETS.authority, FLEET, options);
  if (found === undefined) {
    await store.put(BUCKETS.authority, FLEET, Buffer.from(own), options);
    return;
  }
  const [fleet] = Buffer.from(found.value).toString("utf8").split(" ");
  if (fleet === fleetId) return;
  throw new MpoError(
    "precondition-failed",
    `this store is of ${fleet}, and the authority in the folder of ${fleetId}`,
    {
      hint: "Put back the authority's folder of that fleet, or mount the one that its other coordinators use.",
    },
  );
}

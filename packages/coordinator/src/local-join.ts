import { userInfo } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type LocalJoin, readJoinString, readLocalJoin, writeLocalJoin } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import type { Identities } from "./identity/identities.ts";

const DAY_MS = 86_400_000;
const VALID_MS = 365 * DAY_MS;
/** What is good for less is made anew. */
const LEAST_LEFT_MS = 30 * DAY_MS;
const MANY_DEVICES = 100_000;

interface LocalParts extends Abortable {
  readonly identities: Identities;
  /** Where it is reached on this machine. */
  readonly target: string;
  readonly nowMs: number;
  readonly logger: Logger;
}

/**
 * Leaves what agents and commands of the same user on this machine need, so that nothing has to be typed there. What an
 * earlier start left is kept while it is good: who has read it goes on.
 */
export async function leaveLocalJoin(path: string, parts: LocalParts): Promise<void> {
  const { identities, target, logger, signal } = parts;
  const { authority, accessTokens, joinTokens } = identities;
  const before = await readLocalJoin(path, { signal }).catch(() => undefined);
  const caPem = authority.trust.authoritiesPem;
  if (before !== undefined && (await isGood(before, parts))) {
    // It may listen elsewhere by now, and show certificates of a newer authority.
    const joinString = authority.joinString(readJoinString(before.joinString).secret);
    const after = { ...before, addresses: [target], caPem, joinString };
    if (!isDeepStrictEqual(after, before)) await writeLocalJoin(path, after, { signal });
    return;
  }
  const holder = `${userName().slice(0, 40)} on this machine`;
  const order = { name: holder, role: "admin", validMs: VALID_MS } as const;
  const access = await accessTokens.create(order, "the coordinator's start", { signal });
  const join = await joinTokens.create(
    { tenant: "default", uses: MANY_DEVICES, validMs: VALID_MS, labels: [], isAccepting: true },
    "the coordinator's start",
    { signal },
  );
  const joinString = authority.joinString(join.secret);
  await writeLocalJoin(path, { addresses: [target], caPem, accessToken: access.secret, joinString }, { signal });
  logger.info("commands and agents of this user on this machine need no token", { file: path });
}

/** In containers, users often have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

async function isGood(
  { accessToken, joinString }: LocalJoin,
  { identities, nowMs, signal }: LocalParts,
): Promise<boolean> {
  const { accessTokens, joinTokens } = identities;
  try {
    const { expiresAtMs = 0 } = accessTokens.personOf(accessToken);
    const token = await joinTokens.read(readJoinString(joinString).secret, { signal });
    return token.usesLeft > 0 && Math.min(expiresAtMs, token.expiresAtMs) > nowMs + LEAST_LEFT_MS;
  } catch {
    // Of another fleet, or revoked.
    return false;
  }
}

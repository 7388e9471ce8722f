import { resolve } from "node:path";
import { findLeftServer } from "./embedded-record.ts";
import { addressOf } from "./launch-server.ts";
import { accountOf, NO_ACCOUNT } from "./stream-folders.ts";

/** A store of an embedded server, and where that listens. */
export interface FoundServer {
  /** Absent: it does not run. */
  readonly url?: string;
  /** Whether its streams belong to a fleet's account, so that it asks who connects. */
  readonly hasAccounts: boolean;
}

/** Looks for the store of an embedded server; undefined: there is none. */
export async function runningServer(path: string): Promise<FoundServer | undefined> {
  const folder = resolve(path);
  const account = await accountOf(folder);
  if (account === undefined) return undefined;
  const hasAccounts = account !== NO_ACCOUNT;
  const left = await findLeftServer(folder);
  if (left === undefined) return { hasAccounts };
  return { hasAccounts, url: (await addressOf(folder, left.server.pid)).url };
}

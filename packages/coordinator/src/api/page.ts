import { MpoError } from "@mpo/core";
import type { PageRequest } from "@mpo/protocol";

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken?: string;
}

/**
 * A page of items sorted by their keys, which are all different. The token is the last key of the page before, so that what comes and goes in between
 * neither doubles nor hides anything else. Throws `invalid-argument` for a token that no page gave.
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { pageSize, pageToken }: PageRequest,
): Page<Item> {
  const after = pageToken === undefined ? undefined : keyOfToken(pageToken);
  const byKey = new Map<string, Item>();
  for (const item of items) {
    const key = keyOf(item);
    if (after === undefined || key > after) byKey.set(key, item);
  }
  const keys = [...byKey.keys()].sort();
  const page = keys.slice(0, pageSize);
  const last = page.at(-1);
  return {
    items: page.flatMap((key) => byKey.get(key) ?? []),
    ...(keys.length > pageSize && last !== undefined ? { nextPageToken: tokenOf(last) } : {}),
  };
}

const PREFIX = "k.";

function tokenOf(key: string): string {
  return PREFIX + Buffer.from(key).toString("base64url");
}

function keyOfToken(token: string): string {
  if (!token.startsWith(PREFIX)) {
    throw new MpoError("invalid-argument", "the page token is none that a page gave", {
      hint: "Ask for the first page, without a token.",
    });
  }
  return Buffer.from(token.slice(PREFIX.length), "base64url").toString("utf8");
}

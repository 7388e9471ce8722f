import { createHash } from "node:crypto";
import { checked, type Fact, fact, MpoError } from "@mpo/core";
import type { StreamEvent } from "@mpo/transport";

const { digest, name, object, text, whole } = fact;

/** An entry by its place in the stream and its hash. */
export type ChainLink = Fact<typeof link>;
const link = object({ sequence: whole(1), hash: digest() });

/** What an entry says of the ones before it. */
export type EntryChain = Fact<typeof entryChain>;
export const entryChain = object({
  /** One run of a coordinator, until an append of unknown outcome. */
  writer: name(),
  /** The writer's first entry is 0. */
  index: whole(),
  /** The newest entry that this coordinator knows it has stored; absent: none. */
  previous: link.optional(),
  /** The newest of the whole stream that it had seen, where that is newer still: so an ended writer's tail is vouched for. */
  seen: link.optional(),
});

/** What one coordinator appends, each entry linked to the ones before it. */
export class ChainWriter {
  readonly #newId: () => string;
  #writer: string;
  #index = 0;
  #previous: ChainLink | undefined;
  #seen: ChainLink | undefined;

  constructor(newId: () => string) {
    this.#newId = newId;
    this.#writer = newId();
  }

  /** What the next entry is to say. */
  next(): EntryChain {
    const [writer, index, previous, seen] = [this.#writer, this.#index, this.#previous, this.#seen];
    const isNewer = seen !== undefined && seen.sequence > (previous?.sequence ?? 0);
    return { writer, index, ...(previous && { previous }), ...(isNewer && { seen }) };
  }

  /** The entry is stored. */
  stored(entry: ChainLink): void {
    this.#index += 1;
    this.#previous = entry;
  }

  /** It is not known whether the entry is stored: what comes next is linked to the last one that is. */
  lost(): void {
    this.#writer = this.#newId();
    this.#index = 0;
  }

  /** The newest entry of the stream, whoever wrote it. */
  saw(entry: ChainLink): void {
    this.#seen = entry;
  }

  /** Entries that must be in the stream. */
  get known(): readonly ChainLink[] {
    return [this.#previous, this.#seen].flatMap((entry) => entry ?? []);
  }
}

/** A signature as text, with room for more than Ed25519. */
export const SEAL_LENGTH = 512;

/** An entry as the chain sees it; no chain: it was written before there was one. */
export interface ChainedEntry {
  readonly hash: string;
  readonly chain?: EntryChain | undefined;
  readonly seal?: string | undefined;
}

const place = object({ chain: entryChain.optional(), seal: text(1, SEAL_LENGTH).optional() });

/**
 * Reads an entry. The hash is that of its subject and of all that it says but the seal, which is made of it. Throws
 * `invalid-data` when it is not as a coordinator writes it.
 */
export function chainedEntry({ subject, value }: Pick<StreamEvent, "subject" | "value">): ChainedEntry {
  const { value: content, ...form } = parsed(value);
  const { seal: _, ...said } = content;
  const hash = createHash("sha256")
    .update(`${subject}\n`)
    .update(JSON.stringify({ ...form, value: said }));
  return { hash: hash.digest("hex"), ...checked(place, content, "entry") };
}

/** Also what only a later release writes: it is part of what is hashed. */
function parsed(value: Uint8Array): { readonly value: Readonly<Record<string, unknown>> } {
  try {
    const found: unknown = JSON.parse(Buffer.from(value).toString("utf8"));
    const content = (found as { readonly value?: unknown } | null)?.value;
    if (typeof content === "object" && content !== null) return { ...(found as object), value: { ...content } };
  } catch {
    // Said below.
  }
  throw new MpoError("invalid-data", "it cannot be read");
}

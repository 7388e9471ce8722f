/** One entry of a server's copy of a stream. */
export interface ReplicaEntry {
  readonly sequence: number;
  /** All that must be the same in every copy. */
  readonly mark: string;
}

/** A server's own copy of a stream, read in order. */
export interface ReplicaReader {
  readonly server: string;
  /** What comes next; nothing: there is no more. */
  page(): Promise<readonly ReplicaEntry[]>;
}

/** An entry that is not the same in all copies, and whose copy is not what most have; without a majority: all. */
export interface ReplicaDifference {
  readonly sequence: number;
  readonly servers: readonly string[];
}

/** A copy with what was read of it and not compared yet. */
interface Reading {
  readonly reader: ReplicaReader;
  held: readonly ReplicaEntry[];
  isOver: boolean;
}

/** Compares copies entry by entry, holding a page of each. */
export async function* compareReplicas(
  readers: readonly ReplicaReader[],
): AsyncGenerator<ReplicaDifference, void, undefined> {
  const readings = readers.map((reader): Reading => ({ reader, held: [], isOver: false }));
  for (;;) {
    for (const one of readings) {
      if (one.isOver || one.held.length > 0) continue;
      one.held = await one.reader.page();
      one.isOver = one.held.length === 0;
    }
    if (readings.every(({ held }) => held.length === 0)) return;
    // As far as is known of all.
    const upTo = Math.min(
      ...readings.map(({ held, isOver }) => (isOver ? Number.POSITIVE_INFINITY : (held.at(-1)?.sequence ?? 0))),
    );
    const marks = new Map<number, Map<string, string>>();
    for (const one of readings) {
      for (const { sequence, mark } of one.held) {
        if (sequence > upTo) break;
        const found = marks.get(sequence) ?? new Map<string, string>();
        marks.set(sequence, found.set(one.reader.server, mark));
      }
      one.held = one.held.filter(({ sequence }) => sequence > upTo);
    }
    for (const [sequence, found] of [...marks].toSorted(([one], [other]) => one - other)) {
      const servers = outvoted(readers.map(({ server }) => ({ server, mark: found.get(server) })));
      if (servers.length > 0) yield { sequence, servers };
    }
  }
}

/** Whose mark, or lack of one, is not that of more than half. */
function outvoted(votes: readonly { readonly server: string; readonly mark: string | undefined }[]): readonly string[] {
  const counts = new Map<string | undefined, number>();
  for (const { mark } of votes) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  if (counts.size === 1) return [];
  const [most] = [...counts].find(([, count]) => count > votes.length / 2) ?? [];
  const hasMajority = [...counts.values()].some((count) => count > votes.length / 2);
  return votes.filter(({ mark }) => !hasMajority || mark !== most).map(({ server }) => server);
}

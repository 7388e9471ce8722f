import { readdir, readFile } from "node:fs/promises";
import { systemClock } from "@mpo/io";

/** What a process held at most, and in the middle of the looks at it. */
export interface Held {
  readonly peakBytes: number;
  readonly medianBytes: number;
}

const LOOK_MS = 20;
const KIB = 1024;

/**
 * Looks at the processes below this one, whose command holds one of `names`, until `work` is over. What counts is `RssAnon`:
 * memory of their own that the system cannot take back; files that they have mapped are not in it.
 */
export async function watchChildren<Name extends string, Result>(
  names: readonly Name[],
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly held: Readonly<Partial<Record<Name, Held>>> }> {
  const seen = new Map<Name, number[]>();
  const ends = new AbortController();
  const watching = (async () => {
    while (!ends.signal.aborted) {
      for (const { name, bytes } of await look(names)) seen.set(name, [...(seen.get(name) ?? []), bytes]);
      await systemClock.sleep(LOOK_MS, { signal: ends.signal }).catch(() => undefined);
    }
  })();
  try {
    const result = await work();
    ends.abort();
    await watching;
    const held: Partial<Record<Name, Held>> = {};
    for (const [name, bytes] of seen) {
      const sorted = bytes.toSorted((left, right) => left - right);
      held[name] = { peakBytes: sorted.at(-1) ?? 0, medianBytes: sorted[Math.floor(sorted.length / 2)] ?? 0 };
    }
    return { result, held };
  } finally {
    ends.abort();
    await watching;
  }
}

async function look<Name extends string>(
  names: readonly Name[],
): Promise<readonly { readonly name: Name; readonly bytes: number }[]> {
  const found: { readonly name: Name; readonly bytes: number }[] = [];
  const open = [process.pid];
  for (let pid = open.shift(); pid !== undefined; pid = open.shift()) {
    open.push(...(await childrenOf(pid)));
    const command = await textOf(`/proc/${pid}/cmdline`);
    const name = names.find((one) => command.includes(one));
    const kib = /^RssAnon:\s+(\d+) kB$/mu.exec(await textOf(`/proc/${pid}/status`))?.[1];
    if (name !== undefined && kib !== undefined) found.push({ name, bytes: Number(kib) * KIB });
  }
  return found;
}

/** Each thread has those that it has started. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => textOf(`/proc/${pid}/task/${thread}/children`)));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

/** Empty of a process that is gone. */
async function textOf(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}

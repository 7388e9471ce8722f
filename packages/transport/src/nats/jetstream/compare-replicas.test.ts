import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compareReplicas, type ReplicaDifference, type ReplicaEntry, type ReplicaReader } from "./compare-replicas.ts";

/** Entries of a copy, read in pages of these lengths in turn. */
function reader(server: string, entries: readonly ReplicaEntry[], pages: readonly number[] = [2]): ReplicaReader {
  let [at, turn] = [0, 0];
  return {
    server,
    page: () => {
      const page = entries.slice(at, at + (pages[turn++ % pages.length] ?? 1));
      at += page.length;
      return Promise.resolve(page);
    },
  };
}

async function compare(...copies: readonly ReplicaReader[]): Promise<readonly ReplicaDifference[]> {
  const found: ReplicaDifference[] = [];
  for await (const difference of compareReplicas(copies)) found.push(difference);
  return found;
}

const copyOf = (marks: string): readonly ReplicaEntry[] =>
  [...marks].flatMap((mark, index) => (mark === " " ? [] : [{ sequence: index + 1, mark }]));

describe("copies of a stream", () => {
  it("are the same, whatever pages they are read in", async () => {
    const pages = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 40 }), pages, pages, pages, async (marks, a, b, c) => {
        const entries = copyOf(marks);
        const found = await compare(reader("n1", entries, a), reader("n2", entries, b), reader("n3", entries, c));
        assert.deepEqual(found, []);
      }),
    );
  });

  it("differ where one lacks an entry, and all after it is one place too early", async () => {
    const right = copyOf("abcdef");
    const found = await compare(reader("n1", right), reader("n2", copyOf("abdef")), reader("n3", right, [5]));
    assert.deepEqual(
      found,
      [3, 4, 5, 6].map((sequence) => ({ sequence, servers: ["n2"] })),
    );
  });

  it("differ where one has an entry that most do not have", async () => {
    const found = await compare(
      reader("n1", copyOf("a cd")),
      reader("n2", copyOf("a cd")),
      reader("n3", copyOf("abcd")),
    );
    assert.deepEqual(found, [{ sequence: 2, servers: ["n3"] }]);
  });

  it("name all where most do not agree", async () => {
    const three = await compare(reader("n1", copyOf("a")), reader("n2", copyOf("b")), reader("n3", copyOf("")));
    const two = await compare(reader("n1", copyOf("a")), reader("n2", copyOf("b")));
    assert.deepEqual(three, [{ sequence: 1, servers: ["n1", "n2", "n3"] }]);
    assert.deepEqual(two, [{ sequence: 1, servers: ["n1", "n2"] }]);
  });
});

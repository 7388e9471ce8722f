import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, it } from "node:test";
import type { StreamEvent } from "@mpo/transport";
import fc from "fast-check";
import { type ChainLink, ChainWriter, chainedEntry } from "./audit-chain.ts";
import { ChainCheck, type ChainCheckOptions } from "./chain-check.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const checkSeal = (hash: Uint8Array, seal: string): boolean =>
  verify(null, hash, publicKey, Buffer.from(seal, "base64"));

/** What a coordinator does: `writer` appends, having seen the stream up to `lag` entries before its end. */
interface Step {
  readonly writer: number;
  readonly lag: number;
  /** Whether the answer is lost. */
  readonly isLost: boolean;
}

interface Stream {
  readonly events: readonly StreamEvent[];
  /** What the coordinators know when they are done. */
  readonly known: readonly ChainLink[];
}

function stored(sequence: number, value: object): StreamEvent {
  const bytes = Buffer.from(JSON.stringify({ kind: "event", version: 2, value }));
  return { sequence, subject: "au.acme.test", value: bytes, storedAtMs: 1_000 * sequence };
}

function streamOf(steps: readonly Step[], { isSealed = false } = {}): Stream {
  let ids = 0;
  const newId = (): string => `w${++ids}`;
  const writers = [0, 1, 2].map(() => new ChainWriter(newId));
  const events: StreamEvent[] = [];
  const linkOf = (event: StreamEvent): ChainLink => ({ sequence: event.sequence, hash: chainedEntry(event).hash });
  for (const { writer, lag, isLost } of steps) {
    const coordinator = writers[writer] as ChainWriter;
    const seen = events.at(-1 - lag);
    if (seen !== undefined) coordinator.saw(linkOf(seen));
    const said = { message: `event ${events.length + 1}`, chain: coordinator.next() };
    const unsealed = stored(events.length + 1, said);
    const seal = sign(null, Buffer.from(chainedEntry(unsealed).hash, "hex"), privateKey).toString("base64");
    const event = isSealed ? stored(events.length + 1, { ...said, seal }) : unsealed;
    events.push(event);
    if (isLost) coordinator.lost();
    else coordinator.stored(linkOf(event));
  }
  const last = events.at(-1);
  return { events, known: [...writers.flatMap(({ known }) => known), ...(last === undefined ? [] : [linkOf(last)])] };
}

function findingsOf({ events, known }: Stream, options: ChainCheckOptions = {}): readonly string[] {
  const check = new ChainCheck({ agedMs: 0, ...options });
  for (const event of events) check.add(event);
  check.end(known);
  return check.findings.map(({ kind, sequence }) => `${kind} ${sequence}`);
}

const renumbered = (events: readonly StreamEvent[]): readonly StreamEvent[] =>
  events.map((event, index) => ({ ...event, sequence: index + 1 }));

/** Every single change, removal, swap and repetition. */
function* tampered(events: readonly StreamEvent[]): Generator<readonly [string, readonly StreamEvent[]]> {
  for (const [at, event] of events.entries()) {
    const changed = Buffer.from(Buffer.from(event.value).toString().replace("event ", "Event "));
    yield [`change ${at + 1}`, events.with(at, { ...event, value: changed })];
    yield [`other subject ${at + 1}`, events.with(at, { ...event, subject: "au.other.test" })];
    yield [`unreadable ${at + 1}`, events.with(at, { ...event, value: Buffer.from("{}") })];
    const without = events.toSpliced(at, 1);
    yield [`remove ${at + 1}`, without];
    yield [`remove ${at + 1}, copied to another stream`, renumbered(without)];
    for (let to = 0; to <= events.length; to++) {
      yield [`repeat ${at + 1} at ${to + 1}`, renumbered(events.toSpliced(to, 0, event))];
      const other = events[to];
      if (to > at && other !== undefined)
        yield [`swap ${at + 1} and ${to + 1}`, renumbered(events.with(at, other).with(to, event))];
    }
  }
}

const steps = (lengths: { readonly maxLength: number }): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ writer: fc.nat(2), lag: fc.nat(3), isLost: fc.boolean() }), { minLength: 1, ...lengths });

/** Two of a list in each place. */
const two = (writer: number): readonly Step[] => [{ writer, lag: 0, isLost: false }];

void describe("the chain of events", () => {
  void it("holds whatever several coordinators did, and whatever answers were lost", () => {
    fc.assert(
      fc.property(steps({ maxLength: 40 }), fc.boolean(), (all, isSealed) => {
        assert.deepEqual(findingsOf(streamOf(all, { isSealed }), { checkSeal }), []);
      }),
    );
  });

  void it("shows every change, removal, swap and repetition, where coordinators follow the stream", () => {
    // All orders of three coordinators that see everything, up to five events.
    for (let length = 1; length <= 5; length++) {
      for (let order = 0; order < 3 ** length; order++) {
        const all = Array.from({ length }, (_, at) => two(Math.floor(order / 3 ** at) % 3)).flat();
        const { events, known } = streamOf(all);
        for (const [what, copy] of tampered(events)) {
          assert.notDeepEqual(findingsOf({ events: copy, known }), [], `${what} of order ${order}, length ${length}`);
        }
      }
    }
  });

  void it("shows them also where coordinators follow late, when entries are signed", () => {
    fc.assert(
      fc.property(steps({ maxLength: 7 }), (all) => {
        const { events, known } = streamOf(
          all.map((step) => ({ ...step, isLost: false })),
          { isSealed: true },
        );
        for (const [what, copy] of tampered(events)) {
          assert.notDeepEqual(findingsOf({ events: copy, known }, { checkSeal }), [], what);
        }
      }),
      { numRuns: 50 },
    );
  });

  void it("says what was found, and where", () => {
    const { events, known } = streamOf([0, 1, 0, 1, 0].flatMap(two));
    const at = (place: number): StreamEvent => events[place - 1] as StreamEvent;
    assert.deepEqual(findingsOf({ events: events.toSpliced(2, 1), known }), ["missing 3"]);
    assert.deepEqual(findingsOf({ events: events.slice(0, 3), known }), ["missing 5", "missing 4"]);
    const changed = Buffer.from(Buffer.from(at(2).value).toString().replace("event 2", "event 9"));
    assert.deepEqual(findingsOf({ events: events.with(1, { ...at(2), value: changed }), known }), ["changed 2"]);
    assert.deepEqual(findingsOf({ events: renumbered([...events, at(4)]), known }), ["moved 6"]);
    assert.deepEqual(findingsOf({ events: renumbered(events.toSpliced(2, 1)), known }), ["missing 3", "moved 3"]);
  });

  void it("begins where the oldest entries are: what is too old, and what is from before the chain, is missed by nobody", () => {
    const { events, known } = streamOf([0, 1, 0, 1, 0].flatMap(two));
    assert.deepEqual(findingsOf({ events: events.slice(2), known }, { agedMs: undefined }), []);
    assert.deepEqual(findingsOf({ events: events.slice(2), known }, { agedMs: 3_000 }), []);
    assert.deepEqual(findingsOf({ events: events.slice(2), known }, { agedMs: 2_999 }), ["missing 1"]);
    const [third] = events.slice(2) as [StreamEvent];
    const said = JSON.parse(Buffer.from(third.value).toString()) as { value: object };
    const putBack = { ...stored(3, { ...said.value, atMs: 2_000 }), storedAtMs: 9_000 };
    const restored = new ChainCheck({ agedMs: 3_000 });
    restored.add(putBack);
    assert.deepEqual(restored.findings, [], "what was too old was not backed up");
    const old = stored(1, { message: "old" });
    const check = new ChainCheck();
    check.add(old);
    check.add({
      ...stored(2, {
        message: "new",
        chain: { writer: "w", index: 0, seen: { sequence: 1, hash: chainedEntry(old).hash } },
      }),
    });
    check.add(stored(3, { message: "unlinked" }));
    assert.deepEqual([check.summary.unchained, check.findings.map(({ sequence }) => sequence)], [2, [3]]);
  });

  void it("needs every entry signed once some are, by the fleet's key", () => {
    const { events, known } = streamOf([0, 1, 0].flatMap(two), { isSealed: true });
    const said = JSON.parse(Buffer.from((events[1] as StreamEvent).value).toString()).value as { seal?: string };
    const other = sign(null, Buffer.from("x"), privateKey).toString("base64");
    const unsealed = stored(2, { ...said, seal: undefined });
    assert.deepEqual(findingsOf({ events: events.with(1, unsealed), known }, { checkSeal }), ["seal 2"]);
    assert.deepEqual(
      findingsOf({ events: events.with(1, stored(2, { ...said, seal: other })), known }, { checkSeal }),
      ["seal 2"],
    );
    assert.deepEqual(findingsOf({ events: events.with(1, stored(2, { ...said, seal: other })), known }), []);
  });
});

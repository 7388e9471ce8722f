import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import type { VerifyEventsResponse } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT, STREAMS, type StateStore, type StreamEvent } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { CALL, eventually } from "../testing/tiny-fleet.ts";
import { Audit } from "./audit.ts";
import { type VerifyParts, verifyEvents } from "./verify-events.ts";

const START_MS = 1_700_000_000_000;
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const seal = (hash: Uint8Array): string => sign(null, hash, privateKey).toString("base64");
const checkSeal = (hash: Uint8Array, words: string): boolean =>
  verify(null, hash, publicKey, Buffer.from(words, "base64"));

/** Two coordinators over one store, each with some events, a second apart. */
async function written(t: TestContext, count: number) {
  const clock = new VirtualClock(START_MS);
  const server = new MemoryStateServer({ layout: FLEET_LAYOUT, clock });
  const store = server.connect();
  let ids = 0;
  const newId = (): string => `writer-${++ids}`;
  const context = { store, clock, random: () => 0, logger: silentLogger };
  const ends = new AbortController();
  const audits = [0, 1].map(() => new Audit(context, { newId, seal }));
  const running = audits.map((audit) => audit.run(ends.signal));
  t.after(async () => {
    ends.abort();
    await Promise.all(running);
  });
  const write = async (number: number): Promise<void> => {
    const identity = { tenant: "acme", device: "pi" };
    await audits[number % 2]?.write({ kind: "tested", identity, actor: "test", message: String(number) });
    await clock.advance(1_000);
  };
  for (let number = 1; number <= count; number++) await write(number);
  await eventually(async () => audits.every(({ known }) => known.at(-1)?.sequence === count) || undefined);
  return { server, clock, audits, write, parts: { store, clock, known: () => audits[1]?.known ?? [], checkSeal } };
}

async function verified(parts: VerifyParts, sinceMs?: number): Promise<VerifyEventsResponse> {
  const answers: VerifyEventsResponse[] = [];
  for await (const answer of verifyEvents(parts, sinceMs === undefined ? {} : { sinceMs }, CALL)) answers.push(answer);
  const last = answers.at(-1);
  assert.ok(last?.isDone === true);
  return { ...last, findings: answers.flatMap(({ findings }) => findings) };
}

/** A store whose events somebody has changed. */
function tampered(store: StateStore, change: (event: StreamEvent) => readonly StreamEvent[]): Pick<StateStore, "read"> {
  return { read: async (...asked) => (await store.read(...asked)).flatMap(change) };
}

const short = ({ findings }: VerifyEventsResponse): readonly string[] =>
  findings.map(({ kind, sequence }) => `${kind} ${sequence}`);

void describe("verifying events", () => {
  void it("walks them page by page, and says how far it could look", async (t) => {
    const { parts } = await written(t, 2_100);
    const all = await verified(parts);
    assert.deepEqual(all, {
      ...{ entries: 2_100, writers: 2, unchained: 0, unsealed: 0, findings: [], isDone: true },
      ...{ firstSequence: 1, firstAtMs: START_MS, lastSequence: 2_100, lastAtMs: START_MS + 2_099_000 },
    });
    const recent = await verified(parts, START_MS + 1_500_500);
    assert.deepEqual([recent.firstSequence, recent.entries, recent.findings], [1_502, 599, []]);
    const none = await verified(parts, START_MS + 1e9);
    assert.deepEqual([none.firstSequence, none.entries, none.findings], [undefined, 0, []]);
  });

  void it("finds what is gone, at the end too, and what is changed", async (t) => {
    const { parts } = await written(t, 20);
    const with_ = (change: (event: StreamEvent) => readonly StreamEvent[]): Promise<VerifyEventsResponse> =>
      verified({ ...parts, store: tampered(parts.store, change) });
    assert.deepEqual(short(await with_((event) => (event.sequence === 7 ? [] : [event]))), ["missing 7"]);
    assert.deepEqual(short(await with_((event) => (event.sequence < 7 ? [] : [event]))), ["missing 1"]);
    assert.deepEqual(short(await with_((event) => (event.sequence > 18 ? [] : [event]))), ["missing 19", "missing 20"]);
    const value = (bytes: Uint8Array): Uint8Array => Buffer.from(Buffer.from(bytes).toString().replace("pi", "po"));
    const changed = await with_((event) => [event.sequence === 7 ? { ...event, value: value(event.value) } : event]);
    assert.deepEqual(short(changed), ["seal 7", "changed 7"]);
    assert.match(changed.findings[1]?.message ?? "", /entry \d+ of writer writer-\d at 8 says/u);
    const nothing = await with_(() => []);
    assert.deepEqual(short(nothing), ["missing 19", "missing 20"]);
  });

  void it("holds when answers were lost: the next entries are linked to the last that was acknowledged", async (t) => {
    const { server, parts, clock, audits, write } = await written(t, 4);
    server.crash();
    const failing = [1, 2, 3].map((number) =>
      assert.rejects(
        audits[0]?.write({ kind: "x", identity: { tenant: "acme", device: "pi" }, actor: "a", message: `${number}` }) ??
          Promise.resolve(),
        { code: "unavailable" },
      ),
    );
    const beganMs = clock.monotonicMs();
    let isDone = false;
    void Promise.all(failing).then(() => {
      isDone = true;
    });
    while (!isDone) await clock.advance(1_000);
    assert.ok(clock.monotonicMs() - beganMs < 20_000, "what waited behind one that failed does not wait for its own");
    server.restart();
    await write(5);
    await write(6);
    await eventually(async () => audits[0]?.known.at(-1)?.sequence === 6 || undefined);
    const { entries, writers, findings } = await verified(parts);
    assert.deepEqual([entries, writers, findings], [6, 3, []]);
    const store = tampered(parts.store, (event) => (event.sequence === 4 ? [] : [event]));
    assert.deepEqual(short(await verified({ ...parts, store })), ["missing 4"]);
    assert.equal((await parts.store.read(STREAMS.audit)).length, 6);
  });
});

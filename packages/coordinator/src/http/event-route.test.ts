import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type HttpRoom, httpRoom, newKeys } from "../test-support/http-room.ts";
import { eventually, freshServer } from "../testing/tiny-fleet.ts";

interface Message {
  readonly id?: string;
  readonly event?: string;
  readonly data?: unknown;
}

/** A browser's EventSource, without its own coming back. */
class Reader {
  readonly messages: Message[] = [];
  readonly #ends = new AbortController();
  status = 0;
  comments = 0;
  isEnded = false;

  constructor(
    context: TestContext,
    room: HttpRoom,
    token: string,
    { lastId, path = EVENTS }: { lastId?: string | undefined; path?: string } = {},
  ) {
    context.after(() => this.close());
    this.#read(room, token, lastId, path)
      .catch(() => undefined)
      .finally(() => {
        this.isEnded = true;
      });
  }

  close(): void {
    this.#ends.abort();
  }

  /** The names of groups that were saved, in the order in which that came. */
  get saved(): readonly string[] {
    return this.messages.flatMap(
      ({ data }) => /^[^\s:]+/u.exec((data as { message?: string }).message ?? "")?.[0] ?? [],
    );
  }

  get lastId(): string | undefined {
    return this.messages.findLast(({ id }) => id !== undefined)?.id;
  }

  async until(isThere: () => boolean): Promise<void> {
    await eventually(() => isThere() || undefined);
  }

  async #read(room: HttpRoom, token: string, lastId: string | undefined, path: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, ...(lastId === undefined ? {} : { "last-event-id": lastId }) };
    const response = await room.ask(path, { headers, signal: this.#ends.signal });
    this.status = response.status;
    let text = "";
    for await (const part of response.body ?? []) {
      text += Buffer.from(part as Uint8Array).toString("utf8");
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    if (block.startsWith(":")) this.comments += 1;
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/su).slice(0, 2)));
    const { id, event, data } = fields as Record<string, string | undefined>;
    if (data === undefined) return;
    this.messages.push({
      ...(id === undefined ? {} : { id }),
      ...(event === undefined ? {} : { event }),
      data: JSON.parse(data),
    });
  }
}

const EVENTS = "/api/v1/events?tenant=acme";

function isResumed({ data }: Message = {}): unknown {
  return (data as { readonly isResumed?: boolean } | undefined)?.isResumed;
}

async function save(room: HttpRoom, token: string, name: string): Promise<void> {
  const { status, body } = await room.call("saveGroup", token, { tenant: "acme", name, where: "memory > 1B" });
  assert.equal(status, 200, JSON.stringify(body));
}

void describe("events as server-sent events", () => {
  void it("miss and repeat nothing when the connection ends, nor at another coordinator", async (t) => {
    const [store, keys] = [freshServer(), await newKeys()];
    const [one, other] = [await httpRoom(t, { store, keys }), await httpRoom(t, { store, keys })];
    const token = await one.token("operator", "acme");
    await eventually(async () => (await other.call("whoAmI", token)).status === 200 || undefined);
    await save(one, token, "before");
    const first = new Reader(t, one, token);
    await first.until(() => first.messages.length > 0);
    const [ready] = first.messages;
    assert.equal(ready?.event, "ready");
    assert.equal(isResumed(ready), false);
    await save(one, token, "a");
    await save(other, token, "b");
    await first.until(() => first.saved.length === 2);
    assert.deepEqual(first.saved, ["a", "b"]);
    await one.stop();
    await first.until(() => first.isEnded);
    await save(other, token, "c");
    const second = new Reader(t, other, token, { lastId: first.lastId });
    await save(other, token, "d");
    await second.until(() => second.saved.length === 2);
    assert.deepEqual(second.saved, ["c", "d"]);
    assert.equal(isResumed(second.messages[0]), true);
    const third = new Reader(t, other, token, { path: `${EVENTS}&after=${first.lastId}` });
    await third.until(() => third.saved.length === 2);
    assert.deepEqual(third.saved, second.saved);
  });

  void it("end when the token is revoked, and say so", { timeout: 30_000 }, async (t) => {
    const room = await httpRoom(t);
    const token = await room.token("viewer", "acme");
    const reader = new Reader(t, room, token);
    await reader.until(() => reader.messages.length > 0);
    const { accessTokens } = room.coordinator.identities ?? assert.fail();
    await accessTokens.revoke(accessTokens.list()[0]?.id ?? "");
    await reader.until(() => reader.isEnded);
    const { event, data } = reader.messages.at(-1) ?? {};
    assert.equal(event, "end");
    assert.equal((data as { readonly code: string }).code, "unauthenticated");
  });

  void it("are refused as calls are, with a status", async (t) => {
    const room = await httpRoom(t);
    const viewer = await room.token("viewer", "acme");
    const statusOf = async (path: string, token?: string, headers = {}): Promise<number> => {
      const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await room.ask(path, { headers: { ...bearer, ...headers } });
      await answer.text();
      return answer.status;
    };
    assert.equal(await statusOf(EVENTS), 401);
    assert.equal(await statusOf("/api/v1/events?tenant=zeta", viewer), 403);
    assert.equal(await statusOf("/api/v1/events?tenant=zeta", viewer, { "last-event-id": "1" }), 403);
    assert.equal(await statusOf("/api/v1/events", viewer), 400);
    assert.equal(await statusOf(EVENTS, viewer, { "last-event-id": "1\t2" }), 400);
    assert.equal(await statusOf(EVENTS, viewer, { "last-event-id": "-1" }), 400);
    assert.equal(await statusOf(EVENTS, viewer, { origin: "https://evil.example" }), 403);
  });

  void it("are not more than a few for one person", { timeout: 30_000 }, async (t) => {
    const room = await httpRoom(t);
    const viewer = await room.token("viewer", "acme");
    const readers = Array.from({ length: 17 }, () => new Reader(t, room, viewer));
    await eventually(() => readers.every(({ status }) => status > 0) || undefined);
    assert.deepEqual(readers.filter(({ status }) => status === 429).length, 1);
    for (const reader of readers) reader.close();
    await eventually(async () => {
      const again = new Reader(t, room, viewer);
      await again.until(() => again.status > 0);
      again.close();
      return again.status === 200 || undefined;
    });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMIN_SERVICE, jsonOfAnswer, type Method, ROLES } from "@mpo/protocol";
import { ADMIN_ACCESS } from "../identity/access-table.ts";
import { messageOf } from "../test-support/call-messages.ts";
import { type HttpRoom, httpRoom, newKeys } from "../test-support/http-room.ts";
import { CALL, eventually, freshServer, helloOf, reportOf } from "../testing/tiny-fleet.ts";

void describe("the API as JSON", () => {
  void it("answers as gRPC does: the same fields, bytes in base64, what is absent left out", async (t) => {
    const room = await httpRoom(t);
    const { coordinator } = room;
    const admin = await room.token("admin");
    await coordinator.fleet.hello(helloOf("pi-1"), { ...CALL, deviceId: "acme.pi-1" });
    const listed = await room.call("listDevices", admin, { tenant: "acme", pageSize: 10 });
    assert.equal(listed.status, 200);
    assert.equal(listed.headers.get("content-type"), "application/json");
    assert.equal(listed.headers.get("cache-control"), "no-store");
    const [device] = listed.body["devices"] as readonly Record<string, unknown>[];
    assert.deepEqual(device?.["identity"], { tenant: "acme", device: "pi-1" });
    assert.ok(device !== undefined && !("retiredAtMs" in device));
    const authority = await room.call("getAuthority", undefined);
    assert.equal(authority.status, 200, "open to whoever asks where to log in");
    assert.equal(Buffer.from(String(authority.body["rootPublicKey"]), "base64").length, 32);
    const chunk = Buffer.from("some bytes of a model").toString("base64");
    const put = await room.call("putChunk", admin, { tenant: "acme", chunk });
    assert.match(String(put.body["digest"]), /^[0-9a-f]{64}$/u);
    const who = await room.call("whoAmI", admin);
    assert.deepEqual([who.body["name"], who.body["role"]], ["admin of all", "admin"]);
  });

  void it("says what is wrong with a request, where, and what was expected", async (t) => {
    const room = await httpRoom(t);
    const admin = await room.token("admin");
    const identity = { tenant: "acme", device: "pi-1" };
    const wrong: readonly (readonly [string, unknown, number, RegExp])[] = [
      ["listDevices", { tenant: "acme", pageSize: 0 }, 400, /^ListDevicesRequest\.pageSize is 0; expected/u],
      ["listDevices", { tenant: "acme" }, 400, /pageSize is absent/u],
      ["listDevices", { tenant: "acme", pagesize: 1 }, 400, /unknown field "pagesize"; did you mean pageSize\?/u],
      ["listDevices", [], 400, /ListDevicesRequest is a list of 0; expected an object/u],
      ["listDevices", "null", 400, /is null; expected an object/u],
      ["listDevices", "{", 400, /not valid JSON/u],
      ["getDevice", { identity: { ...identity, __proto__x: 1 } }, 400, /unknown field "__proto__x"/u],
      ["getDevice", { identity }, 404, /pi-1/u],
      ["putChunk", { tenant: "acme", chunk: "%%%" }, 400, /PutChunkRequest\.chunk is not valid base64/u],
      [
        "pushConfig",
        { identity, model: "m", config: { checkpoints: { kind: "x" } } },
        400,
        /PushConfigRequest\.config/u,
      ],
    ];
    for (const [name, request, status, message] of wrong) {
      const answer = await room.call(name, admin, request);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.match(String(answer.body["message"]), message);
      assert.equal((answer.body["details"] as { requestId: string }).requestId.length > 0, true);
    }
    assert.equal((await room.call("listThings", admin)).status, 404);
    assert.equal((await room.call("constructor", admin)).status, 404);
    const got = await room.ask("/api/v1/listDevices");
    assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
    const named = await room.call("getDevice", admin, { identity }, { headers: { "mpo-request-id": "mine-1" } });
    assert.deepEqual(named.body["details"], { requestId: "mine-1" });
  });

  void it("refuses what is huge, deep, not JSON, or would change what every object has", async (t) => {
    const room = await httpRoom(t);
    const admin = await room.token("admin");
    const status = async (body: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
      (await room.call("whoAmI", admin, body, { headers })).status;
    assert.equal(await status(`{"a":"${"x".repeat(4_194_304)}"}`), 400);
    assert.equal(await status(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`), 400);
    assert.equal(await status("[".repeat(4_000_000)), 400);
    assert.equal(await status('{"__proto__":{"isAdmin":true}}'), 400);
    assert.equal(await status('{"constructor":{"prototype":{"isAdmin":true}}}'), 400);
    assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined);
    assert.equal(await status("a=b", { "content-type": "application/x-www-form-urlencoded" }), 400);
    assert.equal(await status("{}", { "content-type": "text/plain" }), 400);
    assert.equal(await status("{}", { "content-type": "application/json; charset=utf-16" }), 400);
    // Brackets in texts are no depth.
    assert.equal(await status(JSON.stringify({})), 200);
    const where = `name == "${"[".repeat(60)}\\""`;
    const answer = await room.call("listDevices", admin, { tenant: "acme", pageSize: 1, where });
    assert.doesNotMatch(String(answer.body["message"]), /nested/u);
    const utf8 = await fetch(`${room.url}/api/v1/whoAmI`, {
      ...{ method: "POST", body: Buffer.from([0x7b, 0xff, 0x7d]) },
      headers: { "content-type": "application/json", authorization: `Bearer ${admin}` },
    });
    assert.equal(utf8.status, 400);
  });

  void it("lets nobody do what their role does not allow: every call, by every role", async (t) => {
    const room = await httpRoom(t, { settings: { callsPerSecond: 10_000 } });
    let tried = 0;
    for (const [name, access] of Object.entries(ADMIN_ACCESS)) {
      if (access === "anybody") continue;
      assert.equal((await room.call(name, undefined)).status, 401, name);
      for (const role of ROLES) {
        for (const tenant of ["acme", undefined]) {
          const token = await room.token(role, tenant);
          const isHigh = ROLES.indexOf(role) >= ROLES.indexOf(access.role);
          const isAllowed = isHigh && (access.of === "tenant" || tenant === undefined);
          // What they may do is done last: it is not what this is about.
          if (isAllowed) continue;
          assert.equal(await statusOf(room, name, token, "acme"), 403, `${name} by ${role} of ${tenant}`);
          tried += 1;
        }
        if (access.of === "tenant") {
          const token = await room.token(role, "acme");
          assert.equal(await statusOf(room, name, token, "zeta"), 403, `${name} of zeta by ${role} of acme`);
          tried += 1;
        }
      }
    }
    assert.ok(tried > 200, String(tried));
    const may = await statusOf(room, "retireDevice", await room.token("admin", "acme"), "acme");
    assert.equal(may, 404, "who may is let through: that device has never come");
  });

  void it("ends a call whose caller is gone, and a stream", async (t) => {
    const room = await httpRoom(t);
    const admin = await room.token("admin");
    const ends = new AbortController();
    const asked = room.ask("/api/v1/watchEvents", {
      ...{ method: "POST", body: { tenant: "acme", afterSequence: 0 }, signal: ends.signal },
      headers: { authorization: `Bearer ${admin}` },
    });
    const response = await asked;
    assert.equal(response.headers.get("content-type"), "application/jsonl");
    const group = { tenant: "acme", name: "north", where: "memory > 1B" };
    assert.equal((await room.call("saveGroup", admin, group)).status, 200);
    const [line] = await firstLines(response);
    assert.equal((line as { event: { kind: string } }).event.kind, "group-saved");
    ends.abort();
    await eventually(async () => {
      const { text } = await room.coordinator.metrics.page();
      return /mpo_calls_total\{method="watchEvents",code="\w+"\} 1/u.test(text) || undefined;
    });
  });

  void it("answers no more calls of one caller than others would be left with", async (t) => {
    const room = await httpRoom(t, { settings: { callsPerSecond: 1 } });
    const [busy, other] = [await room.token("admin"), await room.token("viewer")];
    const answers = await Promise.all(Array.from({ length: 20 }, () => room.call("whoAmI", busy)));
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 10 && refused.length <= 16, String(refused.length));
    assert.equal(refused[0]?.headers.get("retry-after"), "1");
    assert.equal((await room.call("whoAmI", other)).status, 200);
  });

  void it("shows how a device has fared, at a coordinator that it has not spoken to as well", async (t) => {
    const [store, keys] = [freshServer(), await newKeys()];
    const [room, other] = [await httpRoom(t, { store, keys }), await httpRoom(t, { store, keys })];
    const call = { ...CALL, deviceId: "acme.pi-1" };
    await room.coordinator.fleet.hello(helloOf("pi-1"), call);
    const request = { identity: { tenant: "acme", device: "pi-1" } };
    const viewer = await room.token("viewer", "acme");
    const points = await eventually(async () => {
      const { body } = await other.call("listResources", viewer, request);
      const found = body["points"] as readonly { readonly memoryAvailableBytes: number }[] | undefined;
      return found === undefined || found.length === 0 ? undefined : found;
    });
    assert.deepEqual(
      points.map(({ memoryAvailableBytes }) => memoryAvailableBytes),
      [helloOf("pi-1").resources.memoryAvailableBytes],
    );
    const unknown = { identity: { tenant: "acme", device: "nobody" } };
    assert.equal((await room.call("listResources", viewer, unknown)).status, 404);
  });

  void it("takes a report's profile back out as it came in", async (t) => {
    const room = await httpRoom(t);
    const { fleet } = room.coordinator;
    const call = { ...CALL, deviceId: "acme.pi-1" };
    await fleet.hello(helloOf("pi-1"), call);
    await fleet.reportProfile(reportOf("pi-1", "r1"), call);
    const request = { identity: { tenant: "acme", device: "pi-1" }, model: "tiny" };
    const viewer = await room.token("viewer", "acme");
    const { body } = await room.call("getProfile", viewer, request);
    const { response } = ADMIN_SERVICE.getProfile;
    const { profile } = response.fromBytes(response.toBytes(body as never));
    assert.deepEqual(body["profile"], JSON.parse(JSON.stringify(profile)));
  });
});

/** The status of a call about a device of a tenant. */
async function statusOf(room: HttpRoom, name: string, token: string, tenant: string): Promise<number> {
  const { request } = ADMIN_SERVICE[name as keyof typeof ADMIN_SERVICE] as Method<unknown, unknown>;
  const body = jsonOfAnswer(
    request,
    messageOf(name, { tenant, device: "pi-1" }, () => 0.4),
  );
  const ends = new AbortController();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await room.ask(`/api/v1/${name}`, { method: "POST", body, signal: ends.signal, headers });
  // The calls with a stream of answers have no end.
  if (answer.ok) ends.abort();
  else await answer.text();
  return answer.status;
}

async function firstLines({ body }: Response): Promise<readonly unknown[]> {
  for await (const part of body ?? []) {
    return Buffer.from(part as Uint8Array)
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  }
  return [];
}

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ADMIN_SERVICE, jsonOfAnswer, type Method, type Role } from "@mpo/protocol";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { ADMIN_ACCESS } from "../identity/access-table.ts";
import { messageOf } from "../test-support/call-messages.ts";
import { type HttpRoom, httpRoom, ofPage, sessionIn } from "../test-support/http-room.ts";
import { CALL, helloOf, reportOf } from "../testing/tiny-fleet.ts";

type Headers = Readonly<Record<string, string>>;

/** All that changes something: what a viewer may not call. */
const WRITES = Object.entries(ADMIN_ACCESS).flatMap(([name, access]) =>
  access === "anybody" || access.role === "viewer" ? [] : [name],
);
const IDENTITY = { tenant: "acme", device: "pi-1" };

interface Fleet {
  readonly room: HttpRoom;
  /** Keys of what was written to the store since the last look; but of who leads, which is written all the time. */
  readonly written: () => readonly string[];
}

/** A fleet with a device that has a configuration, a group and a rollout: each call has something that it could change. */
async function fleet(context: TestContext): Promise<Fleet> {
  const written: string[] = [];
  const store = new MemoryStateServer({
    layout: FLEET_LAYOUT,
    onStored: ({ subject }) => {
      if (!/\.lease\b|coordinators?\./u.test(subject)) written.push(subject);
    },
  });
  const room = await httpRoom(context, { store, settings: { callsPerSecond: 100_000 } });
  const device = { ...CALL, deviceId: "acme.pi-1" };
  await room.coordinator.fleet.hello(helloOf("pi-1"), device);
  await room.coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), device);
  const admin = await room.token("admin");
  for (const name of ["saveGroup", "planRollout", "pushConfig"]) {
    const { status, body } = await room.call(name, admin, bodyOf(name));
    assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
  }
  return { room, written: () => written.splice(0) };
}

async function sessionOf(room: HttpRoom, role: Role): Promise<string> {
  const token = await room.token(role);
  const response = await room.ask("/session", { method: "POST", body: { token }, headers: ofPage(room.url) });
  assert.equal(response.status, 200);
  return sessionIn(response) ?? assert.fail("no session");
}

function bodyOf(name: string): unknown {
  const { request } = ADMIN_SERVICE[name as keyof typeof ADMIN_SERVICE] as Method<unknown, unknown>;
  return jsonOfAnswer(
    request,
    messageOf(name, IDENTITY, () => 0.4),
  );
}

async function post(room: HttpRoom, name: string, headers: Headers): Promise<{ status: number; text: string }> {
  const ends = AbortSignal.timeout(10_000);
  const response = await room.ask(`/api/v1/${name}`, { method: "POST", body: bodyOf(name), signal: ends, headers });
  return { status: response.status, text: await response.text() };
}

void describe("a browser's session", () => {
  void it("of a viewer is refused every write, and nothing is changed", async (t) => {
    const { room, written } = await fleet(t);
    const session = await sessionOf(room, "viewer");
    assert.equal((await post(room, "listDevices", ofPage(room.url, session))).status, 200, "it may look");
    written();
    for (const name of WRITES) {
      const { status, text } = await post(room, name, ofPage(room.url, session));
      assert.equal(status, 403, `${name}: ${text}`);
      assert.match(text, /"code":"permission-denied"/u, name);
    }
    assert.ok(WRITES.length >= 30, String(WRITES.length));
    assert.deepEqual(written(), []);
    const byAdmin = await post(room, "saveGroup", ofPage(room.url, await sessionOf(room, "admin")));
    assert.equal(byAdmin.status, 200, byAdmin.text);
    assert.ok(written().length > 0, "what is changed would have been seen");
  });

  void it("of an administrator is refused every call that may come from another site, and nothing is changed", async (t) => {
    const { room, written } = await fleet(t);
    const session = await sessionOf(room, "admin");
    const { "x-mpo-console": _, ...plain } = ofPage(room.url, session) as { readonly "x-mpo-console": string };
    const own = ofPage(room.url, session);
    const forged: Readonly<Record<string, Headers>> = {
      "without the header of our pages": plain,
      "with another value of it": { ...own, "x-mpo-console": "0" },
      "from another site": { ...own, origin: "http://evil.example" },
      "from a page without an origin": { ...own, origin: "null" },
      "from another site, as browsers without Origin say it": {
        ...without(own, "origin"),
        "sec-fetch-site": "cross-site",
      },
      "that does not say where it comes from": without(own, "origin"),
    };
    written();
    for (const name of Object.keys(ADMIN_ACCESS)) {
      for (const [what, headers] of Object.entries(forged)) {
        const { status, text } = await post(room, name, headers);
        assert.equal(status, 403, `${name} ${what}: ${text}`);
      }
    }
    for (const headers of Object.values(forged)) {
      assert.equal((await room.ask("/session", { method: "DELETE", headers })).status, 403);
    }
    assert.deepEqual(written(), []);
    assert.equal((await post(room, "whoAmI", own)).status, 200, "the session is still good");
  });
});

const HOSTILE = [
  "<script>alert(1)</script>.json",
  `"><img src=x onerror=alert(1)>`,
  "../../etc/passwd",
  "a/b.json",
  "model.json\r\nset-cookie: x=y",
  "javascript:alert(1)",
  ".hidden",
];

void describe("names of files that scripts are put into", () => {
  void it("are refused with a model, by an answer that no browser takes for a page", async (t) => {
    const { room, written } = await fleet(t);
    const headers = ofPage(room.url, await sessionOf(room, "operator"));
    written();
    const body = bodyOf("publishModel") as { readonly manifest: { readonly files: readonly object[] } };
    for (const name of HOSTILE) {
      const files = body.manifest.files.map((file) => ({ ...file, name }));
      const changed = { ...body, manifest: { ...body.manifest, files } };
      const answer = await room.call("publishModel", undefined, changed, { headers });
      assert.equal(answer.status, 400, name);
      assert.match(String(answer.body["message"]), /files\[0\]\.name is .*; expected a file's name/u);
      isNoPage(answer.headers);
    }
    assert.deepEqual(written(), []);
  });

  void it("are not found as addresses, and not given back as a page", async (t) => {
    const { room } = await fleet(t);
    const headers = ofPage(room.url, await sessionOf(room, "viewer"));
    for (const name of HOSTILE.map((one) => encodeURIComponent(one))) {
      for (const path of [`/assets/${name}.js`, `/api/v1/${name}`, `/api/v1/events/${name}.x`]) {
        const response = await room.ask(path, { headers });
        assert.ok(response.status >= 400, path);
        assert.doesNotMatch(await response.text(), /<script|<img/u, path);
        isNoPage(response.headers);
      }
    }
  });
});

function isNoPage(headers: Response["headers"]): void {
  assert.match(headers.get("content-type") ?? "", /^(?:application\/json|text\/plain)/u);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.deepEqual(headers.getSetCookie(), []);
}

function without(headers: Headers, name: string): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name));
}

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type HttpRoom, httpRoom } from "../test-support/http-room.ts";

const INDEX = "<!doctype html><title>console</title>";
const SCRIPT = `console.log("${"x".repeat(5_000)}")`;

async function pagesRoom(t: TestContext): Promise<HttpRoom> {
  const root = await mkdtemp(join(tmpdir(), "mpo-pages-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, "dist-web");
  await mkdir(join(folder, "assets"), { recursive: true });
  await writeFile(join(folder, "index.html"), INDEX);
  await writeFile(join(folder, "main-ABCD2345.js"), SCRIPT);
  await writeFile(join(folder, "assets", "icon.svg"), "<svg/>");
  await writeFile(join(root, "secret.txt"), "secret");
  await symlink(join(root, "secret.txt"), join(folder, "link.txt"));
  return await httpRoom(t, { options: { consoleFolder: folder } });
}

/** Byte for byte: `fetch` would tidy paths up. */
async function raw(room: HttpRoom, path: string): Promise<string> {
  const socket = connect(room.server.address.port, "127.0.0.1");
  socket.end(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  let text = "";
  for await (const part of socket) text += String(part);
  return text;
}

void describe("the console's pages", () => {
  void it("are served with deep links, long caching of hashed names, and compressed", async (t) => {
    const room = await pagesRoom(t);
    for (const path of ["/", "/devices", "/devices/pi-1", "/rollouts/new", "/sign-in"]) {
      const answer = await room.ask(path);
      assert.deepEqual([answer.status, await answer.text()], [200, INDEX], path);
      assert.equal(answer.headers.get("cache-control"), "no-cache");
      assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    }
    const script = await room.ask("/main-ABCD2345.js", { headers: { "accept-encoding": "gzip, deflate, br" } });
    assert.equal(script.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(script.headers.get("content-encoding"), "br");
    assert.equal(await script.text(), SCRIPT);
    const head = await raw(room, "/main-ABCD2345.js");
    assert.ok(head.endsWith(SCRIPT), "as it is, to who takes nothing else");
    const etag = script.headers.get("etag") ?? "";
    const same = await room.ask("/main-ABCD2345.js", { headers: { "if-none-match": etag } });
    assert.deepEqual([same.status, await same.text()], [304, ""]);
    assert.equal((await room.ask("/assets/icon.svg")).headers.get("content-type"), "image/svg+xml");
    assert.equal((await room.ask("/main-ZZZZ2345.js")).status, 404);
    assert.equal((await room.ask("/api/v1/none")).status, 404);
    assert.equal((await room.ask("/devices", { method: "POST", body: {} })).status, 405);
  });

  void it("are all that there is: no path leads out of them", async (t) => {
    const room = await pagesRoom(t);
    const tries = [
      "/../secret.txt",
      "/assets/../../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/assets/..%5c..%5csecret.txt",
      "/..\\secret.txt",
      "//secret.txt",
      "/./secret.txt",
      "/link.txt",
      "/secret.txt%00.html",
      "/index.html/../../secret.txt",
      "/__proto__",
      "http://localhost/../secret.txt",
      "/devices/%0d%0aset-cookie:%20a=b",
    ];
    for (const path of tries) {
      const answer = await raw(room, path);
      assert.doesNotMatch(answer, /\r\n\r\n(?:.*\n)?secret/u, path);
      assert.doesNotMatch(answer, /set-cookie/iu, path);
      assert.match(answer, /^HTTP\/1\.1 (?:404|400|200)/u, path);
    }
  });

  void it("say plainly when they are not part of the installation, and are gone with --no-console", async (t) => {
    const room = await httpRoom(t);
    const answer = await room.ask("/");
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /^The console is not part of this installation/u);
    const off = await httpRoom(t, { settings: { console: false } });
    for (const path of ["/", "/session", "/api/v1/openapi.json", "/api/v1/events"]) {
      assert.equal((await off.ask(path)).status, 404, path);
    }
    assert.equal((await off.call("whoAmI", await off.token("admin"))).status, 404);
    assert.equal((await off.ask("/healthz")).status, 200);
  });
});

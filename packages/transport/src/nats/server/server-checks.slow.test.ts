import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { freePorts } from "../../testing/free-ports.ts";
import { temporaryFolder } from "../../testing/nats-room.ts";
import { findNatsServer } from "./nats-binary.ts";
import { checkSync, isNewEnough } from "./server-checks.ts";

void test("versions with known holes are refused, by release line", () => {
  for (const good of ["2.12.12", "v2.12.15", "2.14.3", "2.15.0", "3.0.0"]) assert.equal(isNewEnough(good), true, good);
  for (const bad of ["2.9.10", "2.11.16", "2.12.11", "2.13.9", "2.14.2", "2.15.0-RC.1", "", "unknown"]) {
    assert.equal(isNewEnough(bad), false, bad);
  }
});

async function program(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

void test("a program is found by name, on the search path, then in the cache, newest first", async (t) => {
  const folder = await temporaryFolder(t);
  const named = await program(join(folder, "own"), "2.14.3");
  const onPath = await program(join(folder, "bin/nats-server"), "2.12.12");
  await program(join(folder, "old/nats-server"), "2.10.1");
  const cacheFolder = join(folder, "cache");
  await program(join(cacheFolder, "nats-server/2.12.9/nats-server"), "2.12.9");
  const cached = await program(join(cacheFolder, "nats-server/2.12.15/nats-server"), "2.12.15");
  const places = { searchPath: [join(folder, "old"), join(folder, "bin")], cacheFolder };
  assert.equal((await findNatsServer({ ...places, named })).path, named);
  assert.deepEqual(await findNatsServer(places), { path: onPath, version: "2.12.12" });
  assert.equal((await findNatsServer({ ...places, searchPath: ["", join(folder, "old")] })).path, cached);
  await assert.rejects(findNatsServer({ searchPath: [join(folder, "old")] }), {
    code: "not-found",
    message: /2\.10\.1/u,
  });
  for (const bad of [join(folder, "old/nats-server"), join(folder, "absent")]) {
    await assert.rejects(findNatsServer({ ...places, named: bad }), { code: "invalid-argument" });
  }
});

void test("servers that acknowledge before they sync are refused, unless that is allowed", async (t) => {
  let config: object = { store_dir: "/x", sync_always: true };
  let version = "2.12.15";
  const http = createServer((_, response) => {
    response.end(JSON.stringify({ server_name: "n", version, jetstream: { config } }));
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const monitorUrls = [`http://127.0.0.1:${(http.address() as { readonly port: number }).port}`];
  assert.equal(await checkSync({ monitorUrls, allowsAsync: false }), "always");
  const [gone] = (await freePorts(1)).map((port) => `http://127.0.0.1:${port}`) as [string];
  for (const urls of [
    [gone, ...monitorUrls],
    [...monitorUrls, gone],
  ]) {
    assert.equal(await checkSync({ monitorUrls: urls, allowsAsync: false }), "unknown");
  }
  await assert.rejects(checkSync({ monitorUrls: [gone], allowsAsync: false }), { code: "unavailable" });
  config = { store_dir: "/x", sync_interval: 120e9 };
  await assert.rejects(checkSync({ monitorUrls, allowsAsync: false }), { code: "precondition-failed" });
  assert.equal(await checkSync({ monitorUrls, allowsAsync: true }), "periodic");
  version = "2.10.1";
  await assert.rejects(checkSync({ monitorUrls, allowsAsync: true }), {
    code: "precondition-failed",
    message: /2\.10\.1/u,
  });
  assert.equal(await checkSync({ monitorUrls: [], allowsAsync: false }), "unknown");
});

import assert from "node:assert/strict";
import { access, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startCommand } from "../testing/run-command.ts";

it("mpo store finds a damaged stream, and sets it aside", { skip: noNatsServer, timeout: 120_000 }, async (t) => {
  const folder = await testFolder(t);
  const data = ["--data", join(folder, "coordinator")];
  const store = (...args: readonly string[]) => startCommand(["store", ...args, ...data, "--json"]).outcome;
  assert.equal((await store("check")).code, EXIT_CODES.state, "there is no store");
  const first = await startCoordinator(t, folder);
  assert.equal((await store("check")).code, EXIT_CODES.state, "a coordinator uses it");
  await first.stop();
  assert.equal((await store("check")).code, EXIT_CODES.ok);

  const accounts = join(folder, "coordinator/nats/jetstream");
  const [account = "", ...others] = await readdir(accounts);
  assert.deepEqual(others, []);
  const stream = join(accounts, account, "streams/KV_profile");
  await writeFile(join(stream, "meta.inf"), "");
  const checked = await store("check");
  assert.equal(checked.code, EXIT_CODES.data);
  const damaged = checked.records.filter(({ state }) => state === "damaged");
  assert.deepEqual([damaged.length, damaged[0]?.["stream"]], [1, "KV_profile"]);
  assert.match(String(damaged[0]?.["loss"]), /profiles of all devices/u);
  assert.equal(checked.records.find((record) => record["stream"] === "KV_ident")?.["entries"], 0);

  assert.equal((await store("set-aside")).code, EXIT_CODES.ok);
  await access(stream);
  const { records, code, stderr } = await store("set-aside", "--yes");
  assert.equal(code, EXIT_CODES.ok, stderr);
  const aside = records.find(({ event }) => event === "set-aside");
  assert.deepEqual(await readdir(String(aside?.["folder"])), ["KV_profile"]);
  await (await startCoordinator(t, folder)).stop();
});

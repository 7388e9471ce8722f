import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cacheRoot } from "../setup/cache.mjs";
import { runChild } from "../setup/child.mjs";
import { hasNatsServer, NATS_VERSION } from "../setup/nats-server.mjs";
import { temporaryFolder } from "../setup/test-room.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const MPO = join(HERE, "../../packages/cli/dist/main.js");
const PODS = [0, 1, 2];
/** Stand for the pods' addresses; no other test uses this part of the loopback network. */
const natsAddress = (/** @type {number} */ pod) => `127.77.1.${pod}`;
const coordinatorAddress = (/** @type {number} */ pod) => `127.77.2.${pod}`;
const { env } = process;

/** @returns {string[]} what the manifest gives a coordinator */
function coordinatorArguments() {
  const text = readFileSync(join(HERE, "coordinator.yaml"), "utf8");
  return [...text.matchAll(/^ +- (coordinator|--\S+)$/gmu)].map(([, argument = ""]) => argument);
}

test("three coordinators become ready over three NATS servers, with what the manifests say", async (t) => {
  if (!(await hasNatsServer({ cache: cacheRoot(env), env }))) return t.skip("there is no nats-server");
  const natsServer = env.MPO_NATS_SERVER ?? join(cacheRoot(env), "nats-server", NATS_VERSION, "nats-server");
  const folder = temporaryFolder(t);
  /** @type {import("node:child_process").ChildProcess[]} */
  const children = [];
  /** @param {string} program @param {readonly string[]} args @param {string} cwd @param {NodeJS.ProcessEnv} more */
  const start = (program, args, cwd, more) => {
    const child = spawn(program, args, { cwd, env: { ...env, ...more }, stdio: "ignore" });
    children.push(child);
  };
  t.after(async () => {
    // Coordinators before the servers that they write to.
    for (const child of children.reverse()) {
      const ended = new Promise((resolve) => child.once("close", resolve));
      if (child.exitCode === null && child.kill()) await ended;
    }
  });

  const setUp = ["nats", "setup", "--data", join(folder, "keys"), "--output", join(folder, "files")];
  assert.equal((await runChild(process.execPath, [MPO, ...setUp], { env })).code, 0);
  const wrapping = randomBytes(32);
  for (const pod of PODS) {
    const place = join(folder, `nats-${pod}`);
    cpSync(join(folder, "files"), place, { recursive: true });
    const config = readFileSync(join(HERE, "nats-server.conf"), "utf8")
      .replaceAll("0.0.0.0", natsAddress(pod))
      .replaceAll(/nats-(\d)\.nats\.mpo\.svc\.cluster\.local/gu, (_, other) => natsAddress(Number(other)))
      .replace("store_dir: /data", `store_dir: "${place}/store"`)
      .replace("20GB", "1GB")
      .replace(/^include .*$/mu, "include fleet.conf");
    writeFileSync(join(place, "nats-server.conf"), config);
    start(natsServer, ["--config", join(place, "nats-server.conf")], place, { POD_NAME: `nats-${pod}` });
  }
  for (const pod of PODS) {
    const data = join(folder, `coordinator-${pod}`);
    cpSync(join(folder, "keys"), data, { recursive: true });
    cpSync(join(folder, "files/coordinator.creds"), join(data, "coordinator.creds"));
    writeFileSync(join(data, "authority.key"), wrapping);
    for (const name of ["authority.key", "coordinator.creds"]) chmodSync(join(data, name), 0o600);
    const args = coordinatorArguments().map((text) =>
      text
        .replace("/var/lib/mpo/coordinator", data)
        .replace("$(POD_NAME)", `coordinator-${pod}`)
        .replace(/\$\((?:FLEET|NATS)_HOST\)/u, "fleet.example.org")
        .replace("0.0.0.0", coordinatorAddress(pod))
        .replaceAll(/nats-(\d)\.nats\.mpo\.svc\.cluster\.local/gu, (_, other) => natsAddress(Number(other))),
    );
    mkdirSync(join(folder, "state"), { recursive: true });
    const http = ["--http", `${coordinatorAddress(pod)}:9464`];
    start(process.execPath, [MPO, ...args, ...http], folder, { XDG_STATE_HOME: data });
  }
  const waiting = new Set(PODS);
  for (const until = Date.now() + 180_000; waiting.size > 0 && Date.now() < until; await sleep(500)) {
    for (const pod of waiting) {
      const answer = await fetch(`http://${coordinatorAddress(pod)}:9464/readyz`).catch(() => undefined);
      if (answer?.ok) waiting.delete(pod);
    }
  }
  assert.deepEqual([...waiting], [], "these are not ready");
});

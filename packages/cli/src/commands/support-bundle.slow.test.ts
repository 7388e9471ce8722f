import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { it } from "node:test";
import {
  createAuthority,
  createJoinSecret,
  createNatsAuthority,
  createOperatorToken,
  joinString,
  writeAuthority,
} from "@mpo/identity";
import { EXIT_CODES } from "@mpo/runtime";
import { testFolder } from "../test-support/fleet-room.ts";
import { startCommand } from "../testing/run-command.ts";

it("mpo support-bundle says much, and no secret", { timeout: 240_000 }, async (t) => {
  const folder = await testFolder(t);
  const authority = await createAuthority({ fleetId: "fleet-a", nats: createNatsAuthority(), nowMs: Date.now() });
  const line = joinString({ addresses: ["10.0.0.1:7443"], caDigest: "ab".repeat(32), secret: createJoinSecret() });
  const secrets = {
    line,
    join: createJoinSecret(),
    access: createOperatorToken(),
    seed: authority.nats.accountSeed,
    pem: authority.signingKeyPem,
    bearer: "Bearer abcdefghijklmnopqrstuvwxyz0123456789",
    jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    word: "correct-horse-battery",
  };
  const { word, ...shaped } = secrets;
  const log = `${Object.values(shaped).join("\n")}\nnats://user:${word}@10.0.0.2:4222 refused\n{"password": "${word}"}\nlast words\n`;
  const agent = join(folder, "agents/pi-1");
  const files: Readonly<Record<string, string>> = {
    "agents/pi-1/limits.json": `{"memory": "1 GB", "apiKey": "${word}"}`,
    "agents/pi-1/state/work": `01234567 ${JSON.stringify({ note: secrets.access })}\n`,
    "agents/pi-1/state/version-floor": "01234567 {}\n",
    "agents/pi-1/identity/device-key.pem": secrets.pem,
    "agents/pi-1/identity/membership.json": log,
    "coordinator/nats/nats-server.log": log,
    "coordinator/nats/nats-server.pem": secrets.pem,
    "agent.log": `export MPO_TOKEN=${word}\ntoken = "${word}"\npassword: ${word}\n${log}`,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await writeAuthority(join(folder, "coordinator/authority"), authority);

  const output = join(folder, "support.tar.gz");
  const places = ["--data", agent, "--data", join(folder, "coordinator"), "--log", join(folder, "agent.log")];
  const environment = { ...process.env, XDG_STATE_HOME: folder, MPO_TOKEN: word };
  const { code, stdout, stderr } = await startCommand(["support-bundle", "--output", output, ...places], {
    environment,
  }).outcome;
  assert.equal(code, EXIT_CODES.ok, stderr);
  assert.match(stdout, /doctor\.jsonl/u);
  const unpacked = join(folder, "unpacked");
  await mkdir(unpacked);
  assert.equal(spawnSync("tar", ["xzf", output, "-C", unpacked]).status, 0);
  const names = (await readdir(unpacked, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")));
  const all = texts.join("\n");
  for (const [name, secret] of Object.entries(secrets)) {
    // Also not a piece of it: the first line of a PEM is no secret, the others are.
    for (const piece of secret.split("\n").filter((each) => each.length > 12 && !each.startsWith("-----")))
      assert.ok(!all.includes(piece), `${name}: ${piece}`);
    assert.ok(!stdout.includes(secret) || name === "word", name);
  }
  for (const kept of [
    "last words",
    "version-floor",
    '"memory": "1 GB"',
    '"check":"Node"',
    "10.0.0.2:4222",
    "MemTotal",
    "MPO_TOKEN",
  ])
    assert.ok(all.includes(kept), kept);
  assert.ok(!all.includes("membership.json") && !all.includes("authority.json"));
  const again = await startCommand(["support-bundle", "--output", output, ...places], { environment }).outcome;
  assert.equal(again.code, EXIT_CODES.state);
});

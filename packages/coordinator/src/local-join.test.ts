import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fingerprintOf, readJoinString, readLocalJoin } from "@mpo/identity";
import { silentLogger } from "@mpo/runtime";
import { leaveLocalJoin } from "./local-join.ts";
import { DAY_MS, identityRoom } from "./test-support/identity-room.ts";

async function open(t: TestContext) {
  const room = await identityRoom();
  const identities = await room.connect();
  const folder = await mkdtemp(join(tmpdir(), "mpo-local-"));
  t.after(async () => {
    await room.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const path = join(folder, "local", "7443.json");
  const leave = async (target = "127.0.0.1:7443") => {
    await leaveLocalJoin(path, { identities, target, nowMs: room.clock.now(), logger: silentLogger });
    return await readLocalJoin(path);
  };
  return { ...room, ...identities, path, leave };
}

void describe("what a coordinator leaves on its machine", () => {
  void it("lets its user do everything, and devices of the usual tenant in; others cannot read it", async (t) => {
    const { path, leave, accessTokens, joinTokens } = await open(t);
    const { accessToken, joinString } = await leave();
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const { role, tenant, name } = accessTokens.personOf(accessToken);
    assert.deepEqual([role, tenant], ["admin", undefined]);
    assert.match(name, / on this machine$/u);
    const token = await joinTokens.read(readJoinString(joinString).secret);
    assert.deepEqual([token.tenant, token.isAccepting], ["default", true]);
  });

  void it("stays the same, also when it listens elsewhere: no second admin's token is left behind", async (t) => {
    const { leave, accessTokens, joinTokens } = await open(t);
    const first = await leave();
    assert.deepEqual(await leave(), first);
    const second = await leave("127.0.0.1:8443");
    assert.equal(second.accessToken, first.accessToken);
    assert.deepEqual(second.addresses, ["127.0.0.1:8443"]);
    assert.equal(readJoinString(second.joinString).secret, readJoinString(first.joinString).secret);
    assert.equal(accessTokens.list().length, 1);
    assert.equal(joinTokens.list("default").length, 1);
  });

  void it("vouches for the authority whose certificates are shown, whatever was rotated since", async (t) => {
    const { leave, keys, clock } = await open(t);
    const before = await leave();
    await keys.rotateAuthority({ isDistrusting: false });
    // Devices follow: until then those of the older one are shown.
    assert.equal(readJoinString((await leave()).joinString).caDigest, readJoinString(before.joinString).caDigest);
    await clock.advance(15 * DAY_MS);
    const after = await leave();
    const [newest] = keys.view.certificates;
    assert.equal(readJoinString(after.joinString).caDigest, fingerprintOf(newest?.certificatePem ?? ""));
    assert.equal(after.accessToken, before.accessToken);
    assert.equal(after.caPem, keys.trust.authoritiesPem);
  });

  void it("is made again when it was revoked, is nearly over, or is of no use", async (t) => {
    const { leave, accessTokens, joinTokens, clock, path } = await open(t);
    const first = await leave();
    await accessTokens.revoke(accessTokens.list()[0]?.id ?? "");
    const second = await leave();
    assert.notEqual(second.accessToken, first.accessToken);
    accessTokens.personOf(second.accessToken);
    for (const { id } of joinTokens.list("default")) await joinTokens.revoke("default", id);
    const third = await leave();
    await joinTokens.read(readJoinString(third.joinString).secret);
    await clock.advance(340 * DAY_MS);
    assert.notEqual((await leave()).accessToken, third.accessToken);
    await writeFile(path, "{");
    accessTokens.personOf((await leave()).accessToken);
  });
});

import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createDeviceKey } from "@mpo/identity";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger } from "@mpo/runtime";
import { IDENTITY, START_MS } from "../test-support/documents.ts";
import { FakeAuthority } from "../test-support/fake-authority.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { type KeyProvider, openKeyFile } from "./device-key.ts";
import {
  keysOf,
  type Membership,
  membershipFrom,
  newNatsUser,
  readMembership,
  trustOf,
  writeMembership,
} from "./membership.ts";

interface Room {
  readonly folder: string;
  readonly keyPath: string;
  readonly path: string;
  readonly log: string[];
  readonly fleet: FakeAuthority;
  readonly key: KeyProvider;
  readonly membership: Membership;
  openKey(): Promise<KeyProvider>;
  read(key?: KeyProvider): Promise<Membership | undefined>;
  /** What the fleet answers. */
  answer(key?: KeyProvider): ReturnType<FakeAuthority["answer"]>;
}

/** A device that has joined, and what it keeps. */
async function inRoom(check: (room: Room) => Promise<void>): Promise<void> {
  const folder = join(await mkdtemp(join(tmpdir(), "mpo-membership-")), "identity");
  const [keyPath, path] = [join(folder, "key.pem"), join(folder, "membership.json")];
  const log: string[] = [];
  const logger = createLogger({
    write: (line, done) => {
      log.push(line);
      done();
    },
  });
  try {
    const clock = new VirtualClock(START_MS);
    const fleet = await FakeAuthority.create(clock);
    const inventory = await new FakeDevice(clock).monitor.inventory();
    const openKey = () => openKeyFile(keyPath, logger);
    const key = await openKey();
    const nats = newNatsUser();
    const answer: Room["answer"] = async (asking = key) => {
      fleet.tokens.add("good");
      return await fleet.answer({
        ...{ identity: IDENTITY, joinToken: "good", inventory, labels: [], natsPublicKey: nats.publicKey },
        certificateRequest: await asking.csr(),
      });
    };
    const membership = membershipFrom(await answer(), { key, nats, coordinators: ["a:1"], before: undefined });
    await writeMembership(path, membership);
    const read: Room["read"] = (holder = key) => readMembership(path, holder, logger);
    await check({ folder, keyPath, path, log, fleet, key, membership, openKey, read, answer });
  } finally {
    await rm(join(folder, ".."), { recursive: true, force: true });
  }
}

describe("what a device keeps", () => {
  it("is its key and its membership, for its owner alone, and the same after a restart", () =>
    inRoom(async ({ folder, keyPath, path, key, membership, openKey, read, log }) => {
      for (const file of [keyPath, path]) assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
      assert.equal((await openKey()).publicKeyDigest, key.publicKeyDigest);
      assert.deepEqual(await read(), membership);
      assert.equal(trustOf(membership).length, 64);
      assert.equal(keysOf(membership).epoch, 1);
      assert.deepEqual(log, []);
    }));

  it("is refused, and stays as it is, when others can read it", () =>
    inRoom(async ({ keyPath, path, openKey, read, folder }) => {
      await chmod(path, 0o640);
      await assert.rejects(read(), { code: "precondition-failed", message: /open to others/u, hint: /chmod 600/u });
      await chmod(path, 0o600);
      await chmod(keyPath, 0o604);
      await assert.rejects(openKey(), { code: "precondition-failed", hint: /chmod 600/u });
      await chmod(keyPath, 0o600);
      await chmod(folder, 0o750);
      await assert.rejects(openKey(), { code: "precondition-failed", hint: /chmod 700/u });
      await chmod(folder, 0o700);
      assert.notEqual(await read(), undefined);
    }));

  it("is set aside when it is half-written or changed, which the log says without a secret", () =>
    inRoom(async ({ folder, path, read, log, membership }) => {
      const whole = await readFile(path, "utf8");
      const pieces = [whole.slice(0, whole.length / 2), "", "{}", whole.replace('"version": 1', '"version": 2')];
      const { certificatePem, keyDocument } = membership;
      pieces.push(whole.replace(keyDocument.slice(0, 4), "AAAA"), whole.replace(certificatePem.slice(40, 44), "AAAA"));
      for (const [at, content] of pieces.entries()) {
        await writeFile(path, content, { mode: 0o600 });
        assert.equal(await read(), undefined, content.slice(0, 60));
        assert.deepEqual((await readdir(folder)).toSorted(), ["key.pem", "membership.json.damaged"]);
        assert.equal(log.length, at + 1);
        assert.match(log.at(-1) ?? "", /what this device has of its fleet cannot be used/u);
        assert.ok(!log.join("").includes(membership.nats.seed));
      }
    }));

  it("is a new key when the old one is lost or damaged; the membership is then of no use", () =>
    inRoom(async ({ folder, keyPath, key, openKey, read, log }) => {
      const whole = await readFile(keyPath, "utf8");
      await writeFile(keyPath, whole.slice(0, 100));
      const renewed = await openKey();
      assert.notEqual(renewed.publicKeyDigest, key.publicKeyDigest);
      assert.match(log.at(-1) ?? "", /it gets a new one, and has to be let in again/u);
      assert.ok((await readdir(folder)).includes("key.pem.damaged"));
      assert.equal((await openKey()).publicKeyDigest, renewed.publicKeyDigest, "it stays");
      assert.equal(await read(renewed), undefined);
      assert.match(log.at(-1) ?? "", /are not a pair/u);
      await rm(keyPath);
      assert.notEqual((await openKey()).publicKeyDigest, renewed.publicKeyDigest);
    }));

  it("is refused when another device's key was put in the place of its own", () =>
    inRoom(async ({ keyPath, openKey, read }) => {
      await writeFile(keyPath, await createDeviceKey());
      assert.equal(await read(await openKey()), undefined);
    }));
});

describe("what a fleet answers", () => {
  it("is refused with a certificate of another key or device, or none", () =>
    inRoom(async ({ key, membership, answer, openKey, keyPath }) => {
      await rm(keyPath);
      const other = await openKey();
      const ours = { key, nats: membership.nats, coordinators: ["a:1"], before: membership };
      const [foreign, own] = [await answer(other), await answer()];
      assert.throws(() => membershipFrom(foreign, ours), { code: "invalid-data", message: /not a pair/u });
      const renamed = { ...own, identity: { ...IDENTITY, device: "other" } };
      assert.throws(() => membershipFrom(renamed, ours), { code: "invalid-data", message: /another device/u });
      const { credentials: _none, ...empty } = own;
      assert.throws(() => membershipFrom({ ...empty, credentials: undefined }, ours), { code: "invalid-data" });
    }));

  it("is refused with another root key, keys that it has not signed, or keys that were retired", () =>
    inRoom(async ({ key, membership, fleet, answer }) => {
      const ours = { key, nats: membership.nats, coordinators: ["a:1"] };
      const first = await answer();
      await fleet.rotate();
      const second = await answer();
      const newer = membershipFrom(second, { ...ours, before: membership });
      assert.equal(keysOf(newer).epoch, 2);
      assert.throws(() => membershipFrom(first, { ...ours, before: newer }), { message: /were retired/u });
      const stranger = await FakeAuthority.create(new VirtualClock(START_MS));
      const { rootPublic } = stranger.authority;
      const { credentials } = second;
      assert.ok(credentials !== undefined);
      const rootPublicKey = new Uint8Array(Buffer.from(rootPublic, "base64url"));
      const forged = { ...second, credentials: { ...credentials, rootPublicKey } };
      assert.throws(() => membershipFrom(forged, { ...ours, before: newer }), { message: /another root key/u });
      assert.throws(() => membershipFrom(forged, { ...ours, before: undefined }), { message: /root key/u });
    }));
});

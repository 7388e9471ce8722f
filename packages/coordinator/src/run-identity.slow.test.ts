import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { COORDINATOR_NAME, deviceOfCertificate, fingerprintOf, readJoinString, readLoginString } from "@mpo/identity";
import { deviceKey } from "@mpo/protocol";
import { NatsLink } from "@mpo/transport";
import { freePorts } from "@mpo/transport/testing";
import { device, eventually, helloOf, open, skip } from "./test-support/coordinator-room.ts";

void describe("a coordinator with identities", { skip }, () => {
  void it("lets a device in by the local join file, and turns it away when it is revoked, on both wires", async (t) => {
    const room = await open(t);
    const { secret } = readJoinString(room.local.joinString);
    const cam = await device(t, room, "cam");
    await assert.rejects(cam.stranger.hello(helloOf("cam")), { code: "unauthenticated" });
    const { state, credentials } = await cam.join(secret);
    assert.equal(state, "accepted");
    assert.ok(credentials?.natsJwt);
    assert.equal(deviceOfCertificate(credentials.certificatePem ?? "").device, "cam");
    const client = cam.client(credentials);
    const hello = await client.hello(helloOf("cam"));
    assert.equal(hello.needsEnrolment, true);
    await assert.rejects(client.hello(helloOf("other")), { code: "unauthenticated" });
    const settings = cam.nats(hello.natsServers, credentials);
    const link = await NatsLink.open(settings);
    await room.admin.decideEnrolment({ identity: cam.identity, decision: "revoked", reason: "stolen" });
    await assert.rejects(client.hello(helloOf("cam")), { code: "permission-denied" });
    await assert.rejects(cam.join(secret), { code: "permission-denied" });
    await assert.rejects(NatsLink.open(settings), { code: "unauthenticated" });
    await link.close();
    const { events } = await room.admin.listEvents({ tenant: "default", beforeSequence: 0, pageSize: 10 });
    const revoked = events.find(({ kind }) => kind === "device-revoked");
    assert.match(revoked?.actor ?? "", /on this machine/u);
  });

  void it("gives each device its own corner of NATS, by the credentials that it issues", async (t) => {
    const room = await open(t);
    const { secret } = readJoinString(room.local.joinString);
    const [cam, door] = [await device(t, room, "cam"), await device(t, room, "door")];
    const [camsOwn, doorsOwn] = [(await cam.join(secret)).credentials, (await door.join(secret)).credentials];
    assert.ok(camsOwn && doorsOwn);
    const { natsServers } = await cam.client(camsOwn).hello(helloOf("cam"));
    await door.client(doorsOwn).hello(helloOf("door"));
    const link = await NatsLink.open(cam.nats(natsServers, camsOwn));
    t.after(() => link.close());
    const [own, others] = [deviceKey(cam.identity), deviceKey(door.identity)];
    const documents = "$JS.API.DIRECT.GET.KV_desired.$KV.desired";
    const refusalOf = (subject: string): Promise<unknown> =>
      new Promise((resolve) => {
        const heard = link.connection.subscribe(subject, { callback: (refusal) => resolve(refusal ?? undefined) });
        void link.connection.flush().then(() => setTimeout(() => resolve(undefined), heard.isClosed() ? 0 : 200));
      });
    assert.equal(await refusalOf(`dn.${own}`), undefined);
    const foreign = [
      ...[`dn.${others}`, "dn.>", "dn.*.*.*", ">", `_INBOX.${others}.>`, "_INBOX.>", "$KV.>", `$KV.desired.${own}`],
      ...["au.>", "$SYS.>", "$JS.API.>", "$JS.EVENT.>", "_R_.>"],
    ];
    for (const subject of foreign) assert.ok(await refusalOf(subject), subject);
    const ask = (subject: string) => link.connection.request(subject, new Uint8Array(), { timeout: 1_000 });
    await ask(`${documents}.${own}`);
    const calls = [`${documents}.${others}`, `${documents}.>`, "$JS.API.STREAM.DELETE.KV_desired", "$JS.API.INFO"];
    for (const subject of [...calls, `$KV.desired.${own}`, `dn.${others}`, "$SYS.REQ.CLAIMS.UPDATE"]) {
      await assert.rejects(ask(subject), subject);
    }
    // A copied JWT is worth nothing without the key that it is for.
    const { credentials, ...stolen } = cam.nats(natsServers, camsOwn);
    assert.equal(credentials?.kind, "jwt");
    const thief = { ...stolen, credentials: { ...credentials, seed: door.nkey.seed } as typeof credentials };
    await assert.rejects(NatsLink.open(thief), { code: "unauthenticated" });
    assert.equal((await room.admin.listDevices({ tenant: "default", pageSize: 10 })).devices.length, 2);
  });

  void it("has a device without a token wait, until it is accepted", async (t) => {
    const room = await open(t);
    const cam = await device(t, room, "cam");
    assert.equal((await cam.join()).state, "pending");
    const { enrolments } = await room.admin.listEnrolments({ tenant: "default", state: "pending", pageSize: 10 });
    const [waiting] = enrolments;
    assert.equal(waiting?.identity.device, "cam");
    await room.admin.decideEnrolment({
      ...{ identity: cam.identity, decision: "accepted", keyDigest: waiting?.keyDigest, reason: "" },
    });
    const { credentials } = await cam.join();
    assert.ok(credentials);
    await cam.client(credentials).hello(helloOf("cam"));
  });

  void it("counts the uses of a token: of thirty who come at once, one gets in", async (t) => {
    const room = await open(t);
    const { joinStrings } = await room.admin.createJoinTokens({
      ...{ tenant: "default", count: 1, uses: 1, validMs: 60_000, labels: [], isAccepting: true },
    });
    const { secret } = readJoinString(joinStrings[0] ?? "");
    const devices = await Promise.all(Array.from({ length: 30 }, (_, index) => device(t, room, `d${index}`)));
    const outcomes = await Promise.allSettled(devices.map((each) => each.join(secret)));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.match(String(outcome.reason), /used up/u);
    }
  });

  void it("is the same fleet after a restart, with the same local file", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-identity-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    // The file of a port that nobody could find again would be gone.
    const [port] = (await freePorts(1)) as [number];
    const first = await open(t, folder, { grpc: { port } });
    const cam = await device(t, first, "cam");
    await cam.join(readJoinString(first.local.joinString).secret);
    await first.stop();
    const second = await open(t, folder, { grpc: { port } });
    assert.deepEqual(second.local, first.local);
    const again = await device(t, second, "cam");
    await assert.rejects(again.join(readJoinString(second.local.joinString).secret), { code: "already-exists" });
    assert.equal((await second.admin.listDevices({ tenant: "default", pageSize: 10 })).devices.length, 1);
  });

  void it("signs documents again when the signing key is rotated, and renames by key", async (t) => {
    const room = await open(t);
    const before = await room.admin.getAuthority({});
    const { epoch } = await room.admin.rotateKeys({ reason: "stolen" });
    assert.equal(epoch, before.epoch + 1);
    const { certificate } = await room.admin.rotateAuthority({ isDistrusting: false, reason: "" });
    const after = await room.admin.getAuthority({});
    assert.equal(after.certificates[0]?.digest, certificate.digest);
    assert.equal(after.certificates.length, 2);
    // Those who trust the one before go on.
    await room.admin.listJoinTokens({ tenant: "default" });
  });

  void it("listens on all addresses: devices get NATS there, and metrics are for who has a token", async (t) => {
    const host = "0.0.0.0";
    const settings = { grpc: { host, port: 0 }, http: { host, port: 0 } };
    const room = await open(t, undefined, settings, { natsHost: host });
    const [, port] = /^0\.0\.0\.0:(\d+)$/u.exec(room.addresses.grpc) ?? [];
    const { addresses, caDigest } = readJoinString(room.local.joinString);
    assert.ok(addresses.length > 0 && addresses.every((one) => one.endsWith(`:${port}`) && !one.startsWith(host)));
    assert.equal(caDigest, fingerprintOf(room.local.caPem));
    const cam = await device(t, room, "cam");
    const { credentials } = await cam.join(readJoinString(room.local.joinString).secret);
    assert.ok(credentials);
    const { natsServers } = await cam.client(credentials).hello(helloOf("cam"));
    assert.match(natsServers.join(), /^(?:nats|tls):\/\/0\.0\.0\.0:\d+$/u);
    await (await NatsLink.open(cam.nats(natsServers, credentials))).close();
    assert.match(room.addresses.http, /^https:\/\/0\.0\.0\.0:\d+$/u);
    const scrape = async (token: string | undefined): Promise<readonly [number | undefined, string]> => {
      const asked = request({
        ...{ host: "127.0.0.1", port: new URL(room.addresses.http).port, path: "/metrics", agent: false },
        ...{ ca: room.local.caPem, servername: COORDINATOR_NAME },
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      }).end();
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      return [response.statusCode, await text(response)];
    };
    const order = { name: "prometheus", role: "viewer", validMs: 3_600_000 } as const;
    const { loginString, token } = await room.admin.createAccessToken(order);
    const { secret } = readLoginString(loginString);
    assert.match((await scrape(secret))[1], /^mpo_devices 1$/mu);
    assert.equal((await scrape(undefined))[0], 401);
    const ofOne = await room.admin.createAccessToken({ ...order, tenant: "acme" });
    assert.equal((await scrape(readLoginString(ofOne.loginString).secret))[0], 403);
    const { url, code } = await room.admin.createConsoleCode({});
    assert.equal(url, room.addresses.console);
    assert.match(url, /^https:/u);
    // As a browser does that trusts the fleet's authority: by a host's name, not the coordinators' own.
    const page = {
      "content-type": "application/json",
      "x-mpo-console": "1",
      host: "localhost",
      origin: "https://localhost",
    };
    const asked = request({
      ...{ host: "127.0.0.1", port: new URL(room.addresses.http).port, path: "/session", agent: false },
      ...{ method: "POST", headers: page, ca: room.local.caPem, servername: "localhost" },
    }).end(JSON.stringify({ code }));
    const [signedIn] = (await once(asked, "response")) as [IncomingMessage];
    assert.equal(signedIn.statusCode, 200, await text(signedIn));
    assert.match(signedIn.headers["set-cookie"]?.[0] ?? "", /^__Host-mpo=mpo_.*; HttpOnly; SameSite=Strict; Secure$/u);
    assert.match(signedIn.headers["strict-transport-security"] ?? "", /^max-age=\d+$/u);
    await room.admin.revokeAccessToken({ id: token.id });
    await eventually(async () => (await scrape(secret))[0] === 401 || undefined);
  });

  void it("keeps its keys from others, and refuses them when others can read them", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-identity-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const first = await open(t, folder);
    const file = join(folder, "authority", "authority.json");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "local.json"))).mode & 0o777, 0o600);
    await first.stop();
    await chmod(file, 0o644);
    await assert.rejects(open(t, folder), { code: "precondition-failed", message: /open to others/u });
    assert.match(await readFile(file, "utf8"), /fleetId/u);
  });
});

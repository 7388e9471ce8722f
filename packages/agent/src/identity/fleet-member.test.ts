import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as realSleep } from "node:timers/promises";
import { MpoError } from "@mpo/core";
import { validityOf } from "@mpo/identity";
import { VirtualClock } from "@mpo/io/testing";
import { desiredEnvelopeCodec } from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import { TrustedTime } from "../config/trusted-time.ts";
import type { FleetLink } from "../ports/fleet-link.ts";
import { DAY_MS, documentOf, IDENTITY, START_MS } from "../test-support/documents.ts";
import { FakeAuthority } from "../test-support/fake-authority.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { MemoryDisk } from "../testing/memory-disk.ts";
import { type FleetMember, joinFleet } from "./fleet-member.ts";
import { identityFiles } from "./identity-files.ts";
import type { Joining } from "./joining.ts";
import { memberLink } from "./member-link.ts";

const HOUR_MS = 3_600_000;

/** A device, from its first start on, in virtual time. */
class Room {
  readonly clock: VirtualClock;
  readonly fleet: FakeAuthority;
  readonly folder: string;
  readonly log: string[] = [];
  readonly disk = new MemoryDisk();
  /** What went wrong with the last start. */
  failure: MpoError | undefined;
  member: FleetMember | undefined;
  /** Whether the member's renewals have ended. */
  hasEnded = false;
  #ends = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(clock: VirtualClock, fleet: FakeAuthority, folder: string) {
    this.clock = clock;
    this.fleet = fleet;
    this.folder = folder;
  }

  /** Begins a process of the agent. */
  start(joining: Partial<Joining> = {}): void {
    const { clock, disk, fleet, folder } = this;
    const logger = createLogger({
      write: (line, done) => {
        this.log.push(line);
        done();
      },
    });
    this.#ends = new AbortController();
    this.failure = undefined;
    this.member = undefined;
    this.hasEnded = false;
    const { signal } = this.#ends;
    const run = async (): Promise<void> => {
      const time = await TrustedTime.open({ disk, clock, logger }, [START_MS - 30 * DAY_MS]);
      const inventory = await new FakeDevice(clock).monitor.inventory();
      const member = await joinFleet(
        {
          ...{
            files: identityFiles(dirname(folder)),
            door: fleet,
            time,
            clock,
            logger,
            random: () => 0.5,
            wish: IDENTITY,
            labels: [],
            inventory,
          },
          joining: { coordinators: ["a:1"], ...joining },
        },
        signal,
      );
      this.member = member;
      await member.run(signal);
    };
    this.#running = run()
      .catch((thrown: unknown) => {
        if (!signal.aborted) this.failure = MpoError.from(thrown);
      })
      .finally(() => {
        this.hasEnded = true;
      });
  }

  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#running;
  }

  async restart(joining: Partial<Joining> = {}): Promise<void> {
    await this.stop();
    this.disk.restart();
    this.start(joining);
  }

  /** Waits for what takes real time (keys, files): the loop sleeps again, or has ended. */
  async settled(): Promise<void> {
    await realSleep(1);
    while (this.clock.sleeping === 0 && !this.hasEnded) await realSleep(1);
  }

  /** Lets virtual time pass in steps. */
  async pass(ms: number, stepMs: number = Math.max(1, ms / 20)): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await this.clock.advance(Math.min(stepMs, left));
      await this.settled();
    }
  }

  /** Until something is so: looks often, and lets `stepMs` pass in between. */
  async until(what: () => boolean, stepMs: number = 0): Promise<void> {
    for (let tries = 0; !what(); tries++) {
      assert.ok(tries < 2000, this.log.join("\n"));
      await this.settled();
      await this.clock.advance(stepMs);
    }
  }

  async joined(joining: Partial<Joining> = this.byToken()): Promise<FleetMember> {
    this.start(joining);
    await this.until(() => this.member !== undefined || this.failure !== undefined);
    assert.equal(this.failure, undefined);
    return this.member as FleetMember;
  }

  byToken(): Partial<Joining> {
    this.fleet.tokens.add("secret-token");
    return { authority: { caDigest: this.fleet.caDigest }, token: "secret-token" };
  }

  said(words: RegExp): number {
    return this.log.filter((line) => words.test(line)).length;
  }
}

async function inRoom(check: (room: Room) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-member-"));
  const clock = new VirtualClock(START_MS);
  const room = new Room(clock, await FakeAuthority.create(clock), join(folder, "identity"));
  try {
    await check(room);
  } finally {
    await room.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const expires = ({ tls }: FleetMember): number => validityOf(tls.current().certificatePem).notAfterMs;

describe("a device joins", () => {
  it("with a token, and is a member after a restart without one; the token is in no log", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      assert.deepEqual(member.identity, IDENTITY);
      assert.equal(room.fleet.requests[0]?.joinToken, "secret-token");
      const shown = member.tls.current();
      assert.equal(shown.caPem, room.fleet.caPem);
      await room.restart({ coordinators: [] });
      await room.until(() => room.member !== undefined);
      assert.deepEqual(room.member?.tls.current(), shown);
      assert.deepEqual(room.member?.coordinators, ["a:1"], "where it was reached the last time");
      assert.equal(room.fleet.requests.length, 1);
      const log = room.log.join("");
      for (const secret of [
        "secret-token",
        "PRIVATE KEY",
        member.nats?.credentials.kind === "jwt" ? member.nats.credentials.seed : "",
      ]) {
        assert.ok(!log.includes(secret));
      }
    }));

  it("not with a token that is not good, nor into a fleet that its string does not vouch for", () =>
    inRoom(async (room) => {
      room.start({ authority: { caDigest: room.fleet.caDigest }, token: "bad" });
      await room.until(() => room.failure !== undefined);
      assert.equal(room.failure?.code, "unauthenticated");
      room.start({ authority: { caDigest: "ab".repeat(32) }, token: "good" });
      await room.until(() => room.failure !== undefined);
      assert.equal(room.failure?.code, "unauthenticated");
      assert.equal(room.fleet.requests.length, 1, "the second fleet was sent nothing");
      room.start({});
      await room.until(() => room.failure !== undefined);
      assert.match(room.failure?.hint ?? "", /--join/u);
    }));

  it("without a token waits until somebody accepts it, and says once how", () =>
    inRoom(async (room) => {
      room.start({ authority: { caPem: room.fleet.caPem } });
      await room.until(() => room.fleet.requests.length === 1);
      await room.until(() => room.fleet.requests.length === 4, 1_000);
      assert.ok(room.clock.monotonicMs() >= 30_000, "it asks again when it was told to");
      assert.equal(room.said(/mpo devices accept camera-1 --tenant acme/u), 1);
      const [key] = room.fleet.known.keys();
      assert.equal(room.said(new RegExp(`"key":"${key?.slice(0, 12)}"`, "u")), 1);
      assert.equal(room.member, undefined);
      room.fleet.only.state = "accepted";
      await room.until(() => room.member !== undefined, 1_000);
    }));

  it("waits long and longer when it was rejected, and gets in when somebody has thought better of it", () =>
    inRoom(async (room) => {
      room.start({ authority: { caPem: room.fleet.caPem } });
      await room.until(() => room.fleet.known.size === 1);
      room.fleet.only.state = "rejected";
      await room.pass(20_000, 1_000);
      assert.equal(room.fleet.requests.length, 2);
      await room.pass(270_000, 10_000);
      assert.equal(room.fleet.requests.length, 2);
      await room.pass(4 * HOUR_MS, 30_000);
      const asked = room.fleet.requests.length;
      assert.ok(asked > 5 && asked < 12, `${asked}`);
      assert.equal(room.said(/turns this device away/u), 1);
      room.fleet.only.state = "accepted";
      await room.until(() => room.member !== undefined, 60_000);
    }));

  it("as soon as somebody answers", () =>
    inRoom(async (room) => {
      room.fleet.isDown = true;
      room.start(room.byToken());
      await room.pass(600_000);
      assert.equal(room.failure, undefined);
      room.fleet.isDown = false;
      await room.until(() => room.member !== undefined, 1_000);
    }));

  it("once its clock is right, where that begins in 1970", () =>
    inRoom(async (room) => {
      const { enroll } = room.fleet;
      const wrongClock = new MpoError("unauthenticated", "the certificate of the coordinator is not valid yet");
      Object.assign(room.fleet, {
        enroll: (...all: Parameters<typeof enroll>) =>
          room.clock.now() < START_MS ? Promise.reject(wrongClock) : enroll(...all),
      });
      room.clock.jumpWallClock(-START_MS);
      room.start(room.byToken());
      await room.pass(300_000);
      assert.equal(room.failure, undefined);
      assert.equal(room.said(/its clock says 1970/u) > 0, true);
      room.clock.jumpWallClock(START_MS);
      await room.until(() => room.member !== undefined, 1_000);
    }));
});

describe("a member", () => {
  it("renews its certificate at half of its time, with the same key, and is told of it as a whole", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      const first = member.tls.current();
      let changes = 0;
      const unlisten = member.tls.onChange(() => void changes++);
      await room.pass(3.3 * DAY_MS);
      assert.equal(member.renewals, 0);
      await room.until(() => changes === 1, HOUR_MS / 4);
      assert.ok(room.clock.monotonicMs() < 3.9 * DAY_MS);
      assert.equal(member.renewals, 1);
      const second = member.tls.current();
      assert.notEqual(second.certificatePem, first.certificatePem);
      assert.equal(second.privateKeyPem, first.privateKeyPem);
      assert.equal(room.fleet.requests[1]?.joinToken, undefined);
      unlisten();
      await room.pass(10 * DAY_MS, 6 * HOUR_MS);
      assert.equal(changes, 1);
      assert.ok(member.renewals >= 3 && member.renewals <= 4, `${member.renewals}`);
      await room.restart({});
      await room.until(() => room.member !== undefined);
      assert.equal(room.member && expires(room.member), expires(member), "the newest is on the disk");
    }));

  it("that was off until its certificate ended renews with its old key", () =>
    inRoom(async (room) => {
      await room.joined();
      await room.stop();
      await room.clock.advance(30 * DAY_MS);
      room.start({});
      await room.until(() => room.member?.renewals === 1);
      assert.ok(room.member && expires(room.member) > room.clock.now());
      assert.equal(room.fleet.known.size, 1);
    }));

  it("keeps what it has while nobody answers, and renews as soon as somebody does", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      room.fleet.isDown = true;
      await room.pass(6 * DAY_MS, 6 * HOUR_MS);
      assert.equal(member.renewals, 0);
      assert.ok(room.said(/no new credentials yet/u) === 1);
      room.fleet.isDown = false;
      await room.until(() => member.renewals === 1, 10_000);
    }));

  it("that is revoked goes on asking, seldom, and is back when it is let in", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      room.fleet.only.state = "revoked";
      await room.pass(20_000);
      member.isRefused();
      await room.pass(4 * HOUR_MS, 30_000);
      const asked = room.fleet.requests.length;
      assert.ok(asked > 4 && asked < 12, `${asked}`);
      assert.equal(room.said(/turns this device away/u), 1);
      room.fleet.only.state = "accepted";
      await room.until(() => member.renewals === 1, 60_000);
    }));

  it("that is revoked is let in by a new token", () =>
    inRoom(async (room) => {
      await room.joined();
      await room.stop();
      room.fleet.only.state = "revoked";
      room.start(room.byToken());
      await room.until(() => room.member !== undefined);
      await room.pass(20_000);
      room.member?.isRefused();
      await room.until(() => room.member?.renewals === 1);
      assert.equal(room.fleet.requests.at(-1)?.joinToken, "secret-token");
    }));

  it("ends when the fleet has given it another name, and is that from then on", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      room.fleet.only.identity = { tenant: "acme", device: "gate" };
      await room.pass(20_000);
      assert.equal(await member.isRenewedSince(0), true);
      await room.until(() => room.hasEnded);
      assert.equal(room.failure, undefined);
      assert.equal(member.identity.device, "gate");
      assert.equal(room.said(/another name/u), 1);
      await room.restart({});
      await room.until(() => room.member !== undefined);
      assert.equal(room.member?.identity.device, "gate");
    }));

  it("does not follow a fleet whose root key is another, unless all of the old one is removed", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      const shown = member.tls.current();
      const [issuer] = room.fleet.authority.certificateAuthorities;
      const stranger = await FakeAuthority.create(room.clock);
      // Its authority's key was stolen, and the root key was not.
      room.fleet.authority = { ...stranger.authority, certificateAuthorities: issuer === undefined ? [] : [issuer] };
      await room.pass(20_000);
      member.trustsTooLittle();
      await room.until(() => room.said(/another root key/u) === 1, 1_000);
      assert.deepEqual(member.tls.current(), shown);
      await room.restart(room.byToken());
      await room.until(() => room.member !== undefined);
      room.member?.trustsTooLittle();
      await room.until(() => room.said(/another root key/u) === 2, 1_000);
      await room.stop();
      await rm(room.folder, { recursive: true });
      await room.joined();
    }));

  it("takes newer keys when a document needs them, once, and never older ones", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      const envelopeIn = (epoch: number) =>
        desiredEnvelopeCodec.fromBytes(room.fleet.signed(documentOf(1, { version: { epoch, version: 1 } })));
      const old = envelopeIn(1);
      assert.deepEqual(member.verify(old), { kind: "signed", epoch: 1 });
      await room.pass(20_000);
      const before = member.trustDigest;
      await room.fleet.rotate();
      const newer = envelopeIn(2);
      assert.equal(member.takeNews(), false);
      for (let times = 0; times < 5; times++) assert.equal(member.verify(newer).kind, "refused");
      await room.until(() => member.renewals === 1, 1_000);
      assert.deepEqual(member.verify(newer), { kind: "signed", epoch: 2 });
      assert.equal(member.verify(old).kind, "refused");
      assert.notEqual(member.trustDigest, before);
      assert.deepEqual([member.takeNews(), member.takeNews()], [true, false]);
      // What a stranger signs cannot have it ask all the time.
      const stranger = await FakeAuthority.create(room.clock);
      const foreign = desiredEnvelopeCodec.fromBytes(stranger.signed(documentOf(2)));
      for (let second = 0; second < 60; second++) {
        member.verify(foreign);
        await room.pass(1_000, 1_000);
      }
      assert.ok(member.renewals <= 5, `${member.renewals}`);
    }));
});

describe("a member's call", () => {
  /** A coordinator that knows the device by its newest certificate alone. */
  const linked = (room: Room, member: FleetMember): { link: FleetLink; fleet: FakeFleet; refuse: { now: boolean } } => {
    const fleet = new FakeFleet(room.clock);
    const refuse = { now: false };
    const guard =
      <Request, Answer>(call: (request: Request) => Promise<Answer>) =>
      async (request: Request): Promise<Answer> => {
        if (refuse.now && member.renewals === 0) throw new MpoError("unauthenticated", "not known by this certificate");
        return await call(request);
      };
    const link = { ...fleet.link, hello: guard(fleet.link.hello), heartbeat: guard(fleet.link.heartbeat) };
    return { link: memberLink(link, member, () => room.clock.now()), fleet, refuse };
  };
  const heartbeat = async (room: Room, link: FleetLink) => {
    const resources = await new FakeDevice(room.clock).monitor.resources();
    return await link.heartbeat({ identity: IDENTITY, resources, conditions: [] });
  };

  it("that is refused is made again with a new certificate, and all that run at once with one", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      await room.pass(20_000);
      const { link, fleet, refuse } = linked(room, member);
      refuse.now = true;
      const answers = Promise.all([1, 2, 3].map(() => heartbeat(room, link)));
      await room.until(() => member.renewals === 1);
      assert.equal((await answers).length, 3);
      assert.equal(fleet.heartbeats, 3);
      assert.equal(room.fleet.requests.length, 2);
    }));

  it("fails, for the core to try again soon, when there is no new certificate within a few seconds", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      await room.pass(20_000);
      room.fleet.isDown = true;
      const { link, refuse } = linked(room, member);
      refuse.now = true;
      const failed = assert.rejects(heartbeat(room, link), { code: "unavailable" });
      await room.until(() => room.said(/no new credentials yet/u) === 1);
      await failed;
      const again = assert.rejects(heartbeat(room, link), { code: "unavailable" });
      await room.pass(11_000);
      await again;
    }));

  it("says what the device trusts, and has the core ask for its document again when that has changed", () =>
    inRoom(async (room) => {
      const member = await room.joined();
      await room.pass(20_000);
      const { link, fleet } = linked(room, member);
      const inventory = await new FakeDevice(room.clock).monitor.inventory();
      await link.enroll({ identity: IDENTITY, inventory, labels: [] });
      assert.equal(fleet.enrolled.length, 0, "it is a part of the fleet already");
      await fleet.link.enroll({ identity: IDENTITY, inventory, labels: [] });
      const resources = await new FakeDevice(room.clock).monitor.resources();
      await link.hello({ identity: IDENTITY, inventory, resources, labels: [], models: [], profiles: [] });
      assert.equal(fleet.hellos[0]?.trustDigest, member.trustDigest);
      assert.equal((await heartbeat(room, link)).needsHello, false);
      await room.fleet.rotate();
      member.trustsTooLittle();
      await room.until(() => member.renewals === 1, 1_000);
      assert.equal((await heartbeat(room, link)).needsHello, true);
      assert.equal((await heartbeat(room, link)).needsHello, false);
    }));
});

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { type CertifiedKey, createCertificateAuthority, issueServerCertificate } from "./certificate-authority.ts";
import { COORDINATOR_NAME } from "./names.ts";
import { requirePair, validityOf } from "./read-certificate.ts";
import { type HeldIdentity, RenewingCertificate } from "./renewing-certificate.ts";

const START_MS = Date.UTC(2026, 10, 29);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe("a renewing certificate", () => {
  let authority: CertifiedKey;
  before(async () => {
    authority = await createCertificateAuthority({ fleetId: "home", nowMs: START_MS });
  });

  async function started(lifetimeMs: number, random = 0.5): Promise<Started> {
    const clock = new VirtualClock(START_MS);
    const heard: HeldIdentity[] = [];
    const issuedAtMs: number[] = [];
    const failures: string[] = [];
    const world: { failure?: MpoError; other?: CertifiedKey } = {};
    const certificate = await RenewingCertificate.create({
      clock,
      random: () => random,
      onFailure: ({ message }) => failures.push(message),
      issue: async () => {
        if (world.failure !== undefined) throw world.failure;
        issuedAtMs.push(clock.now());
        const names = { dnsNames: [COORDINATOR_NAME], nowMs: clock.now(), lifetimeMs };
        const pair = world.other ?? (await issueServerCertificate(authority, names));
        return { ...pair, caPem: authority.certificatePem };
      },
    });
    certificate.onChange((held) => heard.push(held));
    const stop = new AbortController();
    const running = certificate.run(stop.signal);
    return {
      ...{ clock, heard, issuedAtMs, failures, world, certificate },
      /** Keys are made outside of the virtual time, so it must not run away from them. */
      pass: async (ms) => {
        for (const endMs = clock.monotonicMs() + ms; clock.monotonicMs() < endMs; ) {
          await clock.advance(Math.min(MINUTE_MS / 4, endMs - clock.monotonicMs()));
          for (let turn = 0; clock.sleeping === 0 && turn < 1e4; turn += 1)
            await new Promise((resolve) => setImmediate(resolve));
        }
      },
      end: async () => {
        stop.abort();
        await running;
        assert.equal(clock.sleeping, 0);
      },
    };
  }

  it("is replaced, with its key, when half of its time is over", async () => {
    const { certificate, clock, heard, pass, end } = await started(4 * HOUR_MS);
    const first = certificate.current();
    await pass(2 * HOUR_MS - MINUTE_MS);
    assert.equal(certificate.current(), first);
    await pass(2 * MINUTE_MS);
    assert.notEqual(certificate.current(), first);
    assert.deepEqual(heard, [certificate.current()]);
    await pass(20 * HOUR_MS);
    assert.equal(heard.length, 11);
    for (const held of heard) requirePair(held.certificatePem, held.privateKeyPem);
    assert.equal(new Set(heard.map(({ privateKeyPem }) => privateKeyPem)).size, 11);
    assert.ok(validityOf(certificate.current().certificatePem).notAfterMs > clock.now() + HOUR_MS);
    await end();
  });

  it("is spread over a tenth of its time", async () => {
    const firstRenewalMs = async (random: number): Promise<number> => {
      const { issuedAtMs, pass, end } = await started(HOUR_MS, random);
      await pass(35 * MINUTE_MS);
      await end();
      return Math.round(((issuedAtMs[1] as number) - START_MS) / MINUTE_MS);
    };
    assert.deepEqual([await firstRenewalMs(0), await firstRenewalMs(0.5), await firstRenewalMs(0.999)], [27, 30, 33]);
  });

  it("of one minute is renewed twice a minute, never later", async () => {
    const { certificate, clock, issuedAtMs, pass, end } = await started(MINUTE_MS);
    for (let quarters = 0; quarters < 40; quarters += 1) {
      await pass(MINUTE_MS / 4);
      assert.ok(validityOf(certificate.current().certificatePem).notAfterMs > clock.now());
    }
    assert.ok(issuedAtMs.length >= 19 && issuedAtMs.length <= 22, String(issuedAtMs.length));
    await end();
  });

  it("stays while renewals fail, and is tried again ever sooner", async () => {
    const { certificate, failures, world, heard, pass, end } = await started(HOUR_MS);
    const first = certificate.current();
    world.failure = new MpoError("unavailable", "nobody answers");
    await pass(40 * MINUTE_MS);
    assert.equal(certificate.current(), first);
    assert.ok(failures.length >= 6 && failures.length <= 12, String(failures.length));
    assert.deepEqual([...new Set(failures)], ["nobody answers"]);
    // Nor is it replaced by what is no pair.
    delete world.failure;
    world.other = { certificatePem: first.certificatePem, privateKeyPem: authority.privateKeyPem };
    await pass(3 * MINUTE_MS);
    assert.equal(certificate.current(), first);
    assert.match(failures.at(-1) ?? "", /not a pair/u);
    delete world.other;
    await pass(3 * MINUTE_MS);
    assert.equal(heard.length, 1);
    // Long over, it is tried once a minute.
    world.failure = new MpoError("unavailable", "nobody answers");
    await pass(2 * HOUR_MS);
    failures.length = 0;
    await pass(10 * MINUTE_MS);
    assert.ok(failures.length >= 9 && failures.length <= 11, String(failures.length));
    await end();
  });

  it("is replaced within a minute or two of the clock being set, forward or back", async () => {
    const { certificate, clock, heard, pass, end } = await started(4 * HOUR_MS);
    clock.jumpWallClock(1000 * HOUR_MS);
    await pass(2 * MINUTE_MS);
    assert.equal(heard.length, 1);
    clock.jumpWallClock(-900 * HOUR_MS);
    await pass(2 * MINUTE_MS);
    assert.equal(heard.length, 2);
    assert.ok(validityOf(certificate.current().certificatePem).notBeforeMs < clock.now());
    await end();
  });

  it("is replaced on request, for those who still listen", async () => {
    const { certificate, heard, end } = await started(HOUR_MS);
    let others = 0;
    const stopListening = certificate.onChange(() => {
      others += 1;
    });
    await certificate.renew();
    stopListening();
    await certificate.renew();
    assert.equal(others, 1);
    assert.equal(heard.length, 2);
    await end();
  });

  it("is not made where none can be had", async () => {
    const options = { clock: new VirtualClock(0), random: () => 0, onFailure: () => assert.fail() };
    const failure = new MpoError("unavailable", "nobody answers");
    await assert.rejects(RenewingCertificate.create({ ...options, issue: () => Promise.reject(failure) }), failure);
    const early = issueServerCertificate(authority, { dnsNames: [COORDINATOR_NAME], nowMs: 0 });
    await assert.rejects(early, { code: "precondition-failed", hint: "Set this machine's clock." });
  });
});

interface Started {
  readonly clock: VirtualClock;
  readonly certificate: RenewingCertificate;
  readonly heard: readonly HeldIdentity[];
  readonly issuedAtMs: readonly number[];
  readonly failures: string[];
  readonly world: { failure?: MpoError; other?: CertifiedKey };
  pass(ms: number): Promise<void>;
  end(): Promise<void>;
}

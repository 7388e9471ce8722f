import { type KeyDocument, NATS_NAME, validityOf } from "@mpo/identity";
import { type Abortable, Listeners, linkSignals, Wakeup } from "@mpo/io";
import type { DeviceIdentity } from "@mpo/protocol";
import type { NatsCredentials, NatsTls, TlsIdentity, TlsSource } from "@mpo/transport";
import type { VerifyEnvelope } from "../config/document-check.ts";
import type { TrustedTime } from "../config/trusted-time.ts";
import { type KeyProvider, openKeyFile } from "./device-key.ts";
import { Enrolment, type EnrolmentParts } from "./enrolment.ts";
import type { IdentityFiles } from "./identity-files.ts";
import { keysOf, type Membership, readMembership, trustOf, writeMembership } from "./membership.ts";
import { envelopeVerifier } from "./verify-envelope.ts";

export interface JoinOptions extends Omit<EnrolmentParts, "key"> {
  /** Where the device's key and what it has of its fleet lie. */
  readonly files: IdentityFiles;
  readonly time: TrustedTime;
}

interface MemberParts extends JoinOptions {
  readonly key: KeyProvider;
  readonly enrolment: Enrolment;
}

/** Clocks may be set while we wait. */
const LONGEST_WAIT_MS = 60_000;
/** For so long after new credentials nobody is asked for newer ones because a call was refused. */
const FRESH_MS = 15_000;
/** How long a refused call waits for new credentials. */
const PATIENCE_MS = 10_000;
/** A whole fleet hears at one moment that it is to trust something else. */
const SPLAY_MS = 10_000;

/**
 * Makes a device a part of its fleet, with what it has of it or anew; waits for as long as that takes. Throws what a person
 * has to mend: see `Enrolment.ask`, `openKeyFile` and `readMembership`.
 */
export async function joinFleet(options: JoinOptions, signal: AbortSignal): Promise<FleetMember> {
  const { files, joining, clock, logger } = options;
  const key = await openKeyFile(files.key, logger, { signal });
  const parts = { ...options, key, enrolment: new Enrolment({ ...options, key }) };
  const known = await readMembership(files.membership, key, logger, { signal });
  if (known !== undefined) {
    if (joining.token !== undefined) logger.info("this device is part of its fleet already: its token is passed over");
    return new FleetMember(parts, known);
  }
  for (;;) {
    const asked = await parts.enrolment.ask(undefined, signal);
    if (asked.kind === "accepted") {
      const { identity } = asked.membership;
      logger.info("this device has joined its fleet", { ...identity, key: key.publicKeyDigest.slice(0, 12) });
      await keep(parts, asked.membership, { signal });
      return new FleetMember(parts, asked.membership);
    }
    await clock.sleep(asked.waitMs, { signal });
  }
}

/** A device as a part of its fleet: what it proves itself with and trusts, renewed while it is in use. */
export class FleetMember {
  readonly #parts: MemberParts;
  readonly #wakeup: Wakeup;
  readonly #listeners = new Listeners();
  /** Calls that wait for the end of an attempt. */
  readonly #waiting = new Set<() => void>();
  #membership: Membership;
  #keys: KeyDocument;
  #renewAtMs: number;
  // By the monotonic clock.
  #earliestMs = 0;
  #wantedMs = Number.POSITIVE_INFINITY;
  #freshUntilMs = 0;
  #renewals = 0;
  #hasNews = false;

  constructor(parts: MemberParts, membership: Membership) {
    this.#parts = parts;
    this.#wakeup = new Wakeup(parts.clock);
    this.#membership = membership;
    this.#keys = keysOf(membership);
    this.#renewAtMs = this.#halfTime();
  }

  /** Who the fleet says that the device is. */
  get identity(): DeviceIdentity {
    return this.#membership.identity;
  }

  /** Of coordinators, "host:port". */
  get coordinators(): readonly string[] {
    const { coordinators } = this.#parts.joining;
    return coordinators.length > 0 ? coordinators : this.#membership.coordinators;
  }

  /** Names what the device trusts, for the coordinator to compare. */
  get trustDigest(): string {
    return trustOf(this.#membership);
  }

  /** How often its credentials were renewed. */
  get renewals(): number {
    return this.#renewals;
  }

  /** For gRPC: certificate and key, always a pair. */
  readonly tls: TlsSource = {
    current: (): TlsIdentity => {
      const { certificatePem, authoritiesPem } = this.#membership;
      return { certificatePem, privateKeyPem: this.#parts.key.tlsKeyPem(), caPem: authoritiesPem };
    },
    onChange: (listener) => this.#listeners.add(listener),
  };

  /** For NATS; undefined: it asks for no proof. */
  get nats(): { readonly credentials: NatsCredentials; readonly tls: NatsTls } | undefined {
    const { jwt, seed } = this.#membership.nats;
    if (jwt === undefined) return undefined;
    return {
      credentials: { kind: "jwt", seed, jwt: () => this.#membership.nats.jwt ?? jwt },
      tls: { caPem: () => this.#membership.authoritiesPem, serverName: NATS_NAME },
    };
  }

  /** Whether a document is signed by the fleet's keys. One by an unknown key may be of newer ones: they are asked for. */
  readonly verify: VerifyEnvelope = envelopeVerifier(
    () => this.#keys,
    () => this.trustsTooLittle(),
  );

  /** The fleet's keys or authorities are others by now. */
  trustsTooLittle(): void {
    this.#want(SPLAY_MS * this.#parts.random());
  }

  /** It is revoked, or was for a while: what it has may be of no use to NATS any more. */
  isRefused(): void {
    this.#want(0);
  }

  /** Whether it trusts something else since this was asked last. */
  takeNews(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  /** A call was refused that began after so many renewals: waits a little for newer credentials; whether there are. */
  async isRenewedSince(renewals: number, { signal }: Abortable = {}): Promise<boolean> {
    const { clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (this.#renewals === renewals && nowMs >= this.#freshUntilMs && nowMs + PATIENCE_MS > this.#earliestMs) {
      this.#want(0);
      using patience = linkSignals(signal);
      let resolve = (): void => undefined;
      const ended = new Promise<void>((done) => {
        resolve = done;
      });
      this.#waiting.add(resolve);
      await Promise.race([ended, clock.sleep(PATIENCE_MS, { signal: patience.signal }).catch(() => undefined)]);
      this.#waiting.delete(resolve);
      patience.abort();
    }
    return this.#renewals !== renewals;
  }

  /** Renews in time, and when it is asked for, until the signal aborts or the fleet has given the device another name. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, time, logger } = this.#parts;
    const { tenant, device } = this.identity;
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const dueMs = Math.min(this.#renewAtMs - time.nowMs(), this.#wantedMs - nowMs);
      const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(dueMs, this.#earliestMs - nowMs));
      if (waitMs > 0) {
        await this.#wakeup.sleep(waitMs, signal).catch(() => undefined);
        continue;
      }
      await this.#renew(signal);
      const now = this.identity;
      if (now.tenant === tenant && now.device === device) continue;
      logger.info("the fleet has given this device another name: it goes on under it", {
        from: device,
        to: now.device,
      });
      return;
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { enrolment, clock } = this.#parts;
    try {
      const asked = await enrolment.ask(this.#membership, signal);
      if (asked.kind === "accepted") await this.#take(asked.membership, signal);
      else {
        this.#earliestMs = clock.monotonicMs() + asked.waitMs;
        this.#wantedMs = 0;
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      for (const resolve of this.#waiting) resolve();
    }
  }

  async #take(membership: Membership, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    await keep(this.#parts, membership, { signal });
    const trusted = this.trustDigest;
    this.#keys = keysOf(membership);
    this.#membership = membership;
    this.#renewAtMs = this.#halfTime();
    this.#freshUntilMs = clock.monotonicMs() + FRESH_MS;
    this.#wantedMs = Number.POSITIVE_INFINITY;
    this.#renewals += 1;
    this.#hasNews ||= this.trustDigest !== trusted;
    const { notAfterMs } = validityOf(membership.certificatePem);
    logger.info("the device's certificate is renewed", { until: new Date(notAfterMs).toISOString() });
    this.#listeners.call();
  }

  #want(delayMs: number): void {
    const atMs = Math.max(this.#parts.clock.monotonicMs() + delayMs, this.#freshUntilMs);
    this.#wantedMs = Math.min(this.#wantedMs, atMs);
    this.#wakeup.wake();
  }

  /** A tenth early or late, so that a fleet which joined at one moment does not come back at one. */
  #halfTime(): number {
    const { certificatePem, issuedAtMs } = this.#membership;
    return issuedAtMs + (validityOf(certificatePem).notAfterMs - issuedAtMs) * (0.45 + 0.1 * this.#parts.random());
  }
}

/** Where it cannot be written, the device goes on with what it was given: after a restart it asks again, with its key. */
async function keep({ files, logger }: JoinOptions, membership: Membership, options: Abortable): Promise<void> {
  try {
    await writeMembership(files.membership, membership, options);
  } catch (thrown) {
    if (options.signal?.aborted) throw thrown;
    logger.error("new credentials could not be written down; they are used all the same", { err: thrown });
  }
}

import { envelopeVerifier, type FleetLink, type LinkedMember } from "@mpo/agent";
import { hasCode, MpoError } from "@mpo/core";
import { createDeviceNkey, type KeyDocument, trustDigest, verifyKeyDocument } from "@mpo/identity";
import { type Clock, linkSignals } from "@mpo/io";
import type { DeviceCredentials, DeviceIdentity, Inventory } from "@mpo/protocol";
import type { SimulatedCertificate } from "./simulated-keys.ts";

/** What a device has of its fleet. It lies on its disk. */
interface Membership {
  readonly credentials: DeviceCredentials;
  readonly certificate: SimulatedCertificate;
  readonly keys: KeyDocument;
  readonly renewAtMs: number;
}

interface MemberOptions {
  readonly identity: DeviceIdentity;
  /** Names its key. */
  readonly keyDigest: string;
  readonly inventory: () => Promise<Inventory>;
  readonly clock: Clock;
  readonly random: () => number;
  /** The network, without a certificate. */
  readonly enroll: FleetLink["enroll"];
}

const RETRY_MS = 5_000;
const TURNED_AWAY_MS = 60_000;
const PATIENCE_MS = 10_000;
const LOOK_MS = 1_000;

/**
 * What the product's member of a fleet does, without its files and certificates, which take real time: it joins, renews
 * before its certificate ends or when it trusts too little, and believes the root key of its first day.
 */
export class SimulatedMember implements LinkedMember {
  readonly #options: MemberOptions;
  #nkey = createDeviceNkey();
  #keyDigest: string;
  #membership: Membership | undefined;
  #renewals = 0;
  #hasNews = false;
  #isWanted = false;
  /** Secret of the token that somebody gave it. */
  token: string | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#keyDigest = options.keyDigest;
  }

  /** The disk was copied. */
  copyFrom(other: SimulatedMember): void {
    this.#nkey = other.#nkey;
    this.#keyDigest = other.#keyDigest;
    this.#membership = other.#membership;
  }

  get renewals(): number {
    return this.#renewals;
  }

  get epoch(): number {
    return this.#membership?.keys.epoch ?? 0;
  }

  get certificate(): SimulatedCertificate | undefined {
    return this.#membership?.certificate;
  }

  get natsJwt(): string | undefined {
    return this.#membership?.credentials.natsJwt;
  }

  get trustDigest(): string {
    if (this.#membership === undefined) return "0".repeat(64);
    const { authoritiesPem, rootPublicKey, keyDocument } = this.#membership.credentials;
    return trustDigest({ authoritiesPem, rootPublicKey, keyDocument });
  }

  /** The product's: real signatures, by the keys that the root key vouches for. */
  readonly verify: ReturnType<typeof envelopeVerifier> = envelopeVerifier(
    () => this.#membership?.keys ?? { epoch: 1, keys: [], issuedAtMs: 0 },
    () => this.trustsTooLittle(),
  );

  isRefused(): void {
    this.#isWanted = true;
  }

  trustsTooLittle(): void {
    this.#isWanted = true;
  }

  takeNews(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  async isRenewedSince(
    renewals: number,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<boolean> {
    const { clock } = this.#options;
    this.#isWanted = true;
    const endMs = clock.monotonicMs() + PATIENCE_MS;
    while (this.#renewals === renewals && clock.monotonicMs() < endMs) await clock.sleep(LOOK_MS, { signal });
    return this.#renewals !== renewals;
  }

  /** Joins and renews, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const isDue = this.#membership === undefined || clock.monotonicMs() >= this.#membership.renewAtMs;
      const waitMs = isDue || this.#isWanted ? await this.#ask(signal) : LOOK_MS;
      await clock.sleep(waitMs, { signal }).catch(() => undefined);
    }
  }

  /** Asks once; returns how long to wait. */
  async #ask(signal: AbortSignal): Promise<number> {
    const { identity, inventory, enroll, random, clock } = this.#options;
    using linked = linkSignals(signal);
    const common = { identity, labels: [], inventory: await inventory(), natsPublicKey: this.#nkey.publicKey };
    const certificateRequest = Buffer.from(this.#keyDigest);
    const token = this.token;
    try {
      const joinToken = this.#membership === undefined ? token : undefined;
      const { state, credentials, retryAfterSeconds, serverTimeMs } = await enroll(
        { ...common, certificateRequest, ...(joinToken === undefined ? {} : { joinToken }) },
        linked,
      );
      if (state !== "accepted" || credentials === undefined) return Math.max(1, retryAfterSeconds) * 1000;
      const before = this.trustDigest;
      const root = Buffer.from((this.#membership?.credentials ?? credentials).rootPublicKey).toString("base64url");
      const keys = verifyKeyDocument(root, credentials.keyDocument, this.epoch);
      const certificate = JSON.parse(credentials.certificatePem ?? "") as SimulatedCertificate;
      const lastsMs = (certificate.endsAtMs - serverTimeMs) * (0.45 + 0.1 * random());
      this.#membership = { credentials, certificate, keys, renewAtMs: clock.monotonicMs() + lastsMs };
      this.#renewals += 1;
      this.#isWanted = false;
      this.#hasNews ||= this.trustDigest !== before;
      return LOOK_MS;
    } catch (thrown) {
      // A token that a lost store does not know is of no use; then it waits for somebody to accept it.
      if (hasCode(thrown, "unauthenticated")) this.token = undefined;
      return hasCode(MpoError.from(thrown), "permission-denied", "already-exists")
        ? TURNED_AWAY_MS
        : RETRY_MS * (1 + random());
    }
  }
}

import { MpoError } from "@mpo/core";
import { type Clock, Listeners } from "@mpo/io";
import type { CertifiedKey } from "./certificate-authority.ts";
import { requirePair, type Validity, validityOf } from "./read-certificate.ts";

/** What one end of a connection shows and trusts; it changes as a whole. */
export interface HeldIdentity extends CertifiedKey {
  /** Authorities whose certificates are trusted. */
  readonly caPem: string;
}

export interface RenewingOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Gets a new certificate, for now. */
  readonly issue: (signal?: AbortSignal) => Promise<HeldIdentity>;
  /** Hears why a renewal failed; what is held stays, and the next try follows. */
  readonly onFailure: (error: MpoError) => void;
}

/** Time may be set while we wait, so that no wait is longer. */
const LONGEST_WAIT_MS = 60_000;
const SHORTEST_WAIT_MS = 1_000;

/** A certificate that is replaced, with its key, when half of its time is over, give or take a tenth of that. */
export class RenewingCertificate {
  readonly #options: RenewingOptions;
  readonly #listeners = new Listeners<[held: HeldIdentity]>();
  #held: HeldIdentity;
  #validity: Validity;
  #dueMs: number;

  private constructor(options: RenewingOptions, held: HeldIdentity) {
    this.#options = options;
    this.#held = held;
    this.#validity = validityOf(held.certificatePem);
    this.#dueMs = this.#halfTime();
  }

  static async create(options: RenewingOptions, signal?: AbortSignal): Promise<RenewingCertificate> {
    return new RenewingCertificate(options, checkedPair(await options.issue(signal)));
  }

  current(): HeldIdentity {
    return this.#held;
  }

  /** Calls a listener with what replaces what was held, until the function that it returns is called. */
  onChange(listener: (held: HeldIdentity) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Replaces what is held now: after a rotation, say. */
  async renew(signal?: AbortSignal): Promise<void> {
    const held = checkedPair(await this.#options.issue(signal));
    this.#held = held;
    this.#validity = validityOf(held.certificatePem);
    this.#dueMs = this.#halfTime();
    this.#listeners.call(held);
  }

  /** Renews in time until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onFailure } = this.#options;
    while (!signal.aborted) {
      try {
        const leftMs = Math.max(this.#dueMs - clock.now(), SHORTEST_WAIT_MS);
        await clock.sleep(Math.min(leftMs, LONGEST_WAIT_MS), { signal });
        if (this.#isDue()) await this.renew(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        onFailure(MpoError.from(thrown));
        const usableMs = this.#validity.notAfterMs - clock.now();
        this.#dueMs = clock.now() + (usableMs > 0 ? usableMs / 20 : LONGEST_WAIT_MS);
      }
    }
  }

  /** By the wall clock, which may have been set: a certificate that has not begun is of no use either. */
  #isDue(): boolean {
    const nowMs = this.#options.clock.now();
    return nowMs >= this.#dueMs || nowMs < this.#validity.notBeforeMs;
  }

  /** Counted from now, when the certificate came: it begins earlier, for the clocks of others. */
  #halfTime(): number {
    const { clock, random } = this.#options;
    const nowMs = clock.now();
    return nowMs + (this.#validity.notAfterMs - nowMs) * (0.45 + 0.1 * random());
  }
}

function checkedPair(held: HeldIdentity): HeldIdentity {
  requirePair(held.certificatePem, held.privateKeyPem);
  return held;
}

import { MpoError } from "@mpo/core";
import { bytesWithin, type Clock, isPrivateUrl, untilAborted, withDeadline } from "@mpo/io";
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Keys that an issuer had at one moment. */
export interface HeldKeys {
  readonly find: JWTVerifyGetKey;
  /** By the clock's monotonic time. */
  readonly atMs: number;
}

/** What reaches an issuer: `globalThis.fetch`, or a stand-in. */
export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

/** A key that an issuer withdraws is refused after so long. */
const MAX_AGE_MS = 600_000;
/** Between two questions: whoever sends tokens of unknown keys must not make us flood the issuer. */
const PAUSE_MS = 10_000;
const ANSWER_MS = 5_000;
/** The largest public issuers answer with 20 kB. */
const MAX_BYTES = 262_144;

/** The public keys of an issuer of tokens; it is asked when they are needed. */
export class IssuerKeys {
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #fetch: Fetch;
  #held: HeldKeys | undefined;
  #failed: { readonly error: MpoError; readonly atMs: number } | undefined;
  #asking: Promise<HeldKeys> | undefined;

  constructor(issuer: string, { clock, fetch }: { readonly clock: Clock; readonly fetch: Fetch }) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** Throws `unavailable`. */
  async current(signal?: AbortSignal): Promise<HeldKeys> {
    const held = this.#held;
    return held !== undefined && this.#isWithin(MAX_AGE_MS, held) ? held : await this.#ask(signal);
  }

  /** For a token whose key is not among these: newer keys, unless the issuer was asked just now. Throws `unavailable`. */
  async after(held: HeldKeys, signal?: AbortSignal): Promise<HeldKeys> {
    const newest = this.#held ?? held;
    return this.#isWithin(PAUSE_MS, newest) ? newest : await this.#ask(signal);
  }

  #isWithin(ms: number, { atMs }: { readonly atMs: number }): boolean {
    return this.#clock.monotonicMs() - atMs < ms;
  }

  async #ask(signal?: AbortSignal): Promise<HeldKeys> {
    if (this.#failed !== undefined && this.#isWithin(PAUSE_MS, this.#failed)) throw this.#failed.error;
    // For all who wait: it does not end when one of them gives up.
    this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined;
    });
    return await untilAborted(this.#asking, signal);
  }

  async #load(): Promise<HeldKeys> {
    try {
      const keys = await withDeadline("its answer", ANSWER_MS, (signal) => this.#keySet(signal), {
        clock: this.#clock,
      });
      this.#held = { find: createLocalJWKSet(keys), atMs: this.#clock.monotonicMs() };
      this.#failed = undefined;
      return this.#held;
    } catch (thrown) {
      const error = new MpoError("unavailable", `the issuer ${this.#issuer} does not give its keys: ${whyOf(thrown)}`, {
        hint: "The coordinator must reach the issuer that --oidc-issuer names. Access tokens of the fleet work meanwhile.",
      });
      this.#failed = { error, atMs: this.#clock.monotonicMs() };
      throw error;
    }
  }

  /** By OpenID Connect Discovery 1.0. */
  async #keySet(signal: AbortSignal): Promise<JSONWebKeySet> {
    const { issuer, jwks_uri: place } = await this.#read(
      `${this.#issuer.replace(/\/$/u, "")}/.well-known/openid-configuration`,
      signal,
    );
    if (issuer !== this.#issuer) throw new MpoError("invalid-data", "it calls itself by another name");
    if (typeof place !== "string") throw new MpoError("invalid-data", "it does not say where its keys are");
    return (await this.#read(place, signal)) as unknown as JSONWebKeySet;
  }

  async #read(url: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    requireSafeUrl(url);
    const response = await this.#fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
    const body = await bytesWithin((response.body ?? []) as AsyncIterable<Uint8Array>, MAX_BYTES);
    if (body === undefined) throw new MpoError("invalid-data", `${url} answers with more than ${MAX_BYTES} bytes`);
    if (!response.ok) throw new MpoError("unavailable", `${url} answers ${response.status}`);
    try {
      return Object(JSON.parse(body.toString("utf8")));
    } catch {
      throw new MpoError("invalid-data", `what ${url} answers is not valid JSON`);
    }
  }
}

/** Of a request that failed, `fetch` says why in its cause alone. */
function whyOf(thrown: unknown): string {
  const { cause } = thrown as { readonly cause?: unknown };
  return cause instanceof Error && cause.message !== "" ? cause.message : MpoError.from(thrown).message;
}

/** Throws `invalid-argument` for a URL whose answers others could change on their way. */
export function requireSafeUrl(url: string): void {
  if (isPrivateUrl(url)) return;
  throw new MpoError(
    "invalid-argument",
    `${url} does not begin with https:// (http:// is for this machine's own alone)`,
  );
}

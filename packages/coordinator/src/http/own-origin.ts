import type { IncomingMessage } from "node:http";
import { MpoError } from "@mpo/core";
import { isLoopback } from "@mpo/io";

/** Where pages of ours come from, as browsers say it. */
export class OwnOrigin {
  readonly #isOverTls: boolean;
  readonly #consoleUrl: URL | undefined;

  /** `consoleUrl`: where people reach it through a proxy; absent: at its own address. */
  constructor({ isOverTls, consoleUrl }: { readonly isOverTls: boolean; readonly consoleUrl?: string | undefined }) {
    this.#isOverTls = isOverTls;
    this.#consoleUrl = consoleUrl === undefined ? undefined : new URL(consoleUrl);
  }

  /** Whether browsers see it over TLS. */
  get isSecure(): boolean {
    return this.#isOverTls || this.#consoleUrl?.protocol === "https:";
  }

  /** The origin of the pages that a request is about. */
  of({ headers }: IncomingMessage): string {
    return this.#consoleUrl?.origin ?? this.#here(headers.host);
  }

  /**
   * In clear text, the name that was asked for must be this machine's: any site may give its own name this machine's address
   * (DNS rebinding), and its pages are then of one origin with us. Over TLS the certificate rules that out.
   */
  requireOwnHost({ headers }: IncomingMessage): void {
    if (this.#isOverTls) return;
    const host = headers.host ?? "";
    const name = /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d+)?$/iu.exec(host)?.[1] ?? "";
    if (isLoopback(name.replace(/^\[|\]$/gu, "")) || host === this.#consoleUrl?.host) return;
    throw new MpoError("permission-denied", "the request is for another host", {
      hint: "Ask at localhost, or say with --console-url where people reach the console.",
    });
  }

  /** Throws `permission-denied` for what comes from a page of another origin. */
  requireNoForeign(request: IncomingMessage): void {
    const { origin, "sec-fetch-site": site } = request.headers;
    const isForeign =
      origin === undefined ? site === "cross-site" || site === "same-site" : !this.#isOwn(request, origin);
    if (isForeign) throw new MpoError("permission-denied", "the request comes from another site's page");
  }

  /** Throws `permission-denied` for what does not say that it comes from a page of ours. */
  requireOwn(request: IncomingMessage): void {
    const { origin, "sec-fetch-site": site } = request.headers;
    this.requireNoForeign(request);
    if (origin !== undefined || site === "same-origin") return;
    throw new MpoError("permission-denied", "the request does not say that it comes from a page of this console", {
      hint: "Browsers send Origin, or Sec-Fetch-Site: same-origin. Programs send a token: Authorization: Bearer TOKEN.",
    });
  }

  #isOwn({ headers }: IncomingMessage, origin: string): boolean {
    return origin === this.#here(headers.host) || origin === this.#consoleUrl?.origin;
  }

  #here(host: string | undefined): string {
    return `${this.#isOverTls ? "https" : "http"}://${host ?? ""}`;
  }
}

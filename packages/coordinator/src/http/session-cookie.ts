import type { IncomingMessage, ServerResponse } from "node:http";
import { SECOND_MS } from "@mpo/core";

/** The cookie that holds a session's token: for this host alone, never for scripts, never with what another site asks for. */
export class SessionCookie {
  readonly #name: string;
  readonly #attributes: string;

  /** Browsers take a `__Host-` cookie over TLS alone, and from nobody but this very host. */
  constructor({ isSecure }: { readonly isSecure: boolean }) {
    this.#name = isSecure ? "__Host-mpo" : "mpo";
    this.#attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
  }

  read({ headers }: IncomingMessage): string | undefined {
    return cookieNamed(headers.cookie, this.#name);
  }

  set(response: ServerResponse, token: string, validMs: number): void {
    response.appendHeader(
      "set-cookie",
      `${this.#name}=${token}; Max-Age=${Math.floor(validMs / SECOND_MS)}; ${this.#attributes}`,
    );
  }

  clear(response: ServerResponse): void {
    response.appendHeader("set-cookie", `${this.#name}=; Max-Age=0; ${this.#attributes}`);
  }
}

/** The value of a cookie. More than one of a name: somebody else has set one of them, and none counts. */
export function cookieNamed(header: string | undefined, name: string): string | undefined {
  const values = (header ?? "").split("; ").filter((pair) => pair.startsWith(`${name}=`));
  const [only] = values;
  return values.length === 1 ? only?.slice(name.length + 1) : undefined;
}

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** Clients of the issuer's: the fleet's, and another's. */
export const OIDC_CLIENT = "mpo-cli";
export const OTHER_CLIENT = "another-program";
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const TTL_SECONDS = 600;

const ISSUED = ["AccessToken", "DeviceCode", "Grant", "IdToken", "Interaction", "RefreshToken", "Session"];

/** What the issuer gives to who logs in. */
export interface IssuedTokens {
  readonly id_token: string;
  readonly refresh_token: string;
}

/** A person's browser at a page where a device is approved. */
export interface Browser {
  readonly user: string;
  readonly isDenying?: boolean;
}

/** A real OpenID provider on this machine, and people who have accounts there. */
export class OidcRoom implements AsyncDisposable {
  /** Groups of each person; changed by tests. */
  readonly groups = new Map<string, readonly string[]>();
  /** The private key that signs now. */
  key!: JWK;
  issuer = "";
  /** How often the issuer was asked for its keys. */
  keysAsked = 0;
  /** Answers in its place. */
  instead: RequestListener | undefined;
  #handle: RequestListener = () => undefined;
  #port = 0;
  readonly #server = createServer((request, response) => {
    if (request.url === "/jwks") this.keysAsked += 1;
    (this.instead ?? this.#handle)(request, response);
  });

  static async open(): Promise<OidcRoom> {
    const room = new OidcRoom();
    await room.up();
    room.issuer = `http://127.0.0.1:${room.#port}`;
    await room.rotateKeys();
    return room;
  }

  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.down();
  }

  /** The issuer has one new key, and the one before no longer. */
  async rotateKeys(): Promise<void> {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    this.key = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: crypto.randomUUID() };
    // Loaded here: most who come through this door need no provider.
    const { Provider } = await import("oidc-provider");
    const client = {
      grant_types: [DEVICE_GRANT, "refresh_token", "authorization_code"],
      // Of a program on this machine: whatever its port is (RFC 8252, 7.3).
      redirect_uris: ["http://127.0.0.1/session/oidc/callback"],
      ...{ response_types: ["code" as const], token_endpoint_auth_method: "none" as const },
      ...{ application_type: "native" as const, id_token_signed_response_alg: "ES256" as const },
    };
    const provider = new Provider(this.issuer, {
      clients: [OIDC_CLIENT, OTHER_CLIENT].map((client_id) => ({ ...client, client_id })),
      jwks: { keys: [this.key] } as never,
      features: { deviceFlow: { enabled: true } },
      claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
      scopes: ["openid", "offline_access", "profile", "groups"],
      conformIdTokenClaims: false,
      cookies: { keys: ["a key of a test"] },
      issueRefreshToken: () => true,
      ttl: Object.fromEntries(ISSUED.map((kind) => [kind, TTL_SECONDS])),
      findAccount: (_, sub) => ({
        accountId: sub,
        claims: () => ({ sub, preferred_username: sub, groups: this.groups.get(sub) }),
      }),
    });
    this.#handle = provider.callback() as RequestListener;
  }

  /** Logs a person in by the device flow, from outside as from within. */
  async logIn(user: string, client: string = OIDC_CLIENT): Promise<IssuedTokens> {
    const scope = "openid profile groups offline_access";
    const device = await this.#post<{ readonly verification_uri_complete: string; readonly device_code: string }>(
      "/device/auth",
      { client_id: client, scope },
    );
    await approveDevice(device.verification_uri_complete, { user });
    const { device_code } = device;
    return await this.#post<IssuedTokens>("/token", { client_id: client, grant_type: DEVICE_GRANT, device_code });
  }

  async refresh(refresh_token: string): Promise<IssuedTokens> {
    return await this.#post("/token", { client_id: OIDC_CLIENT, grant_type: "refresh_token", refresh_token });
  }

  async #post<Answer>(path: string, form: Readonly<Record<string, string>>): Promise<Answer> {
    const answer = await fetch(`${this.issuer}${path}`, { method: "POST", body: new URLSearchParams(form) });
    return (await answer.json()) as Answer;
  }
}

/** What a browser has when it follows nothing more. */
export interface Browsed {
  readonly url: string;
  readonly page: string;
  readonly cookies: ReadonlyMap<string, string>;
}

export async function approveDevice(url: string, browser: Browser): Promise<string> {
  return (await browse(url, browser)).page;
}

/** Does what a person does in a browser: follows the pages and sends their forms until there is none left. */
export async function browse(url: string, { user, isDenying = false }: Browser): Promise<Browsed> {
  const cookies = new Map<string, string>();
  let isDenied = false;
  let next: { readonly url: string; readonly form?: URLSearchParams } = { url };
  for (let pages = 0; pages < 20; pages += 1) {
    const answer = await fetch(next.url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") },
      ...(next.form === undefined ? {} : { method: "POST", body: next.form }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    const page = await answer.text();
    const [, action] = /<form[^>]* action="([^"]+)"/u.exec(page) ?? [];
    if (location === null && action === undefined) return { url: next.url, page, cookies };
    if (location !== null) next = { url: new URL(location, next.url).href };
    else next = { url: new URL(action ?? "", next.url).href, form: filledIn(page, user) };
    if (isDenying && page.includes("deviceConfirmForm")) {
      next.form?.set("abort", "yes");
      isDenied = true;
    } else if (isDenied) return { url: next.url, page, cookies };
  }
  throw new Error("the issuer's pages have no end");
}

function filledIn(page: string, user: string): URLSearchParams {
  const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/gu)];
  const form = new URLSearchParams();
  for (const [, name = "", value = ""] of hidden) form.set(name, value);
  if (page.includes('name="login"')) {
    form.set("login", user);
    form.set("password", "whatever");
  }
  return form;
}

import { given, MpoError } from "@mpo/core";
import { abortError, type Clock, isPrivateUrl, systemErrorCode, throwIfAborted, withDeadline } from "@mpo/io";
import { asLine } from "@mpo/protocol";
import {
  allowInsecureRequests,
  type ClientMetadata,
  type Configuration,
  clockTolerance,
  customFetch,
  type DeviceAuthorizationResponse,
  discovery,
  genericGrantRequest,
  initiateDeviceAuthorization,
  None,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from "openid-client";

/** Where people log in with an account of their own. */
export interface OidcProvider {
  /** Its URL, exactly as its tokens have it. */
  readonly issuer: string;
  readonly clientId: string;
}

/** Who has logged in there. */
export interface OidcLogin extends OidcProvider {
  /** The ID token, which coordinators take. Secret. */
  readonly token: string;
  readonly expiresAtMs: number;
  /** For the next one. Secret. Absent: log in again. */
  readonly refreshToken?: string | undefined;
}

/** What a person has to do. */
export interface DevicePage {
  readonly url: string;
  /** To be typed there, or to be compared with what it shows. */
  readonly code: string;
  readonly validMs: number;
}

export interface LoginOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Says what to do. */
  readonly show: (page: DevicePage) => void;
}

const ANSWER_SECONDS = 10;
/** Between the clocks of this machine and of the provider. */
const TOLERANCE_SECONDS = 60;
/** What makes refreshing possible, and puts name and groups into the token, where the provider knows them. */
const SCOPES = ["openid", "profile", "groups", "offline_access"];
const MAX_WAIT_MS = 1_800_000;
/** As much as a context keeps, and goes with every call. */
const MAX_TOKEN_LENGTH = 8192;
const SLOWER_MS = 5_000;
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/**
 * Logs a person in by the device flow (RFC 8628): `show` says what to do, and this waits for it. Throws
 * `permission-denied` when that is denied, `timed-out` when nobody does it.
 */
export async function logInAtProvider(
  provider: OidcProvider,
  { signal, clock, show }: LoginOptions,
): Promise<OidcLogin> {
  return await askingProvider(provider, signal, async (config) => {
    const { device_authorization_endpoint: endpoint, scopes_supported: known = SCOPES } = config.serverMetadata();
    if (endpoint === undefined) {
      throw new MpoError("unsupported", `the OpenID provider ${provider.issuer} has no device flow`, {
        hint: "Log in with a token of the fleet: mpo access create, then mpo login.",
      });
    }
    const scope = SCOPES.filter((one) => known.includes(one)).join(" ");
    const device = await initiateDeviceAuthorization(config, { scope });
    const validMs = Math.min(device.expires_in * 1000, MAX_WAIT_MS);
    show({
      url: pageUrl(device.verification_uri_complete ?? device.verification_uri),
      code: asLine(device.user_code),
      validMs,
    });
    return await withDeadline("the login", validMs, (until) => polled(provider, config, device, clock, until), {
      ...{ signal, clock },
    });
  });
}

/** Asks until the person has decided. The library's own way of it waits through a Ctrl-C. */
async function polled(
  provider: OidcProvider,
  config: Configuration,
  { device_code, interval = 5 }: DeviceAuthorizationResponse,
  clock: Clock,
  signal: AbortSignal,
): Promise<OidcLogin> {
  for (let waitMs = interval * 1000; ; ) {
    await clock.sleep(waitMs, { signal });
    try {
      return loginOf(provider, await genericGrantRequest(config, DEVICE_GRANT, { device_code }));
    } catch (thrown) {
      throwIfAborted(signal);
      const { error, cause } = thrown as Partial<ResponseBodyError>;
      // A request that was lost slows down too (RFC 8628, 3.5).
      if (error === "slow_down" || systemErrorCode(cause) !== undefined) waitMs += SLOWER_MS;
      else if (error !== "authorization_pending") throw thrown;
    }
  }
}

/** The next token. Throws `unauthenticated` where the provider gives none without the person. */
export async function refreshLogin(login: OidcLogin, signal: AbortSignal): Promise<OidcLogin> {
  const { issuer, clientId, refreshToken } = login;
  if (refreshToken === undefined) throw ended(issuer);
  return await askingProvider({ issuer, clientId }, signal, async (config) => {
    const { refreshToken: next = refreshToken, ...rest } = loginOf(
      login,
      await refreshTokenGrant(config, refreshToken),
    );
    return { ...rest, refreshToken: next };
  });
}

export function loginOf(
  { issuer, clientId }: OidcProvider,
  answer: TokenEndpointResponse & TokenEndpointResponseHelpers,
): OidcLogin {
  const { id_token: token, refresh_token: refreshToken } = answer;
  const expires = answer.claims()?.exp;
  if (token === undefined || expires === undefined) throw ended(issuer);
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new MpoError("unsupported", `the ID token of ${issuer} has more than ${MAX_TOKEN_LENGTH} characters`, {
      hint: "Its admin lets it hold fewer groups: those that have a role in the fleet.",
    });
  }
  return { issuer, clientId, token, expiresAtMs: expires * 1000, ...given({ refreshToken }) };
}

/** Asks a provider, as a public client; what goes wrong is said as ours. */
export async function askingProvider<Result>(
  { issuer, clientId }: OidcProvider,
  signal: AbortSignal,
  work: (config: Configuration) => Promise<Result>,
): Promise<Result> {
  // The library asks https alone unless it is said so.
  const execute = isPrivateUrl(issuer) && issuer.startsWith("http:") ? [allowInsecureRequests] : [];
  const metadata: Partial<ClientMetadata> = { [clockTolerance]: TOLERANCE_SECONDS };
  try {
    const config = await discovery(new URL(issuer), clientId, metadata, None(), {
      ...{ execute, timeout: ANSWER_SECONDS },
      [customFetch]: async (address, options) => {
        const both = [signal, ...(options.signal === undefined ? [] : [options.signal])];
        return await fetch(address, { ...options, signal: AbortSignal.any(both) } as RequestInit);
      },
    });
    return await work(config);
  } catch (thrown) {
    if (signal.aborted) throw abortError(signal);
    throw explained(thrown, issuer);
  }
}

/** What an error of the library says, without the requests and answers that it holds. */
function explained(thrown: unknown, issuer: string): MpoError {
  if (thrown instanceof MpoError) {
    if (thrown.code !== "timed-out") return thrown;
    return thrown.with({ message: "nobody has approved the login in time", hint: AGAIN });
  }
  if (!(thrown instanceof ResponseBodyError)) {
    const { message, cause } = thrown as Error;
    const why = cause instanceof Error && cause.message !== "" ? `${message} (${cause.message})` : message;
    return new MpoError("unavailable", `the OpenID provider ${issuer} does not answer as it should: ${asLine(why)}`, {
      hint: "See that this machine reaches it.",
    });
  }
  const { error, error_description: words } = thrown;
  if (error === "access_denied") return new MpoError("permission-denied", "the login was denied", { hint: AGAIN });
  if (error === "expired_token") {
    return new MpoError("timed-out", "nobody has approved the login in time", { hint: AGAIN });
  }
  if (error === "invalid_grant") return ended(issuer);
  const why = words === undefined ? error : `${error} (${words})`;
  return new MpoError("precondition-failed", `the OpenID provider ${issuer} refuses the login: ${asLine(why)}`, {
    hint: "Its admin allows the client of --oidc-client-id the device flow, as a public client without a secret.",
  });
}

const AGAIN = "Log in again: mpo login --oidc.";

function ended(issuer: string): MpoError {
  return new MpoError("unauthenticated", `the OpenID provider ${issuer} gives no further token`, { hint: AGAIN });
}

/** What a provider wants to be opened. Throws `invalid-data` for what is not a page. */
function pageUrl(text: string): string {
  if (isPrivateUrl(text)) return new URL(text).href;
  throw new MpoError("invalid-data", "the page that the OpenID provider names does not begin with https://");
}

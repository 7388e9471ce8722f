import type { RunOptions } from "@mpo/coordinator";
import { MpoError } from "@mpo/core";
import { isPrivateUrl } from "@mpo/io";
import { asLine } from "@mpo/protocol";
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { askingProvider, loginOf, type OidcProvider } from "./oidc-login.ts";

/** Without `offline_access`: a browser's session is the fleet's, and nothing of the provider's is kept. */
const SCOPES = ["openid", "profile", "groups"];

/** How the console's pages log people in at a provider: the code flow with PKCE, as a public client. */
export function codeFlowAt(provider: OidcProvider): NonNullable<RunOptions["codeFlow"]> {
  const { issuer } = provider;
  return {
    begin: async (redirectUri, { signal = NEVER }) =>
      await askingProvider(provider, signal, async (config) => {
        const { scopes_supported: known = SCOPES } = config.serverMetadata();
        const kept = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
        const url = buildAuthorizationUrl(config, {
          ...{ redirect_uri: redirectUri, state: kept.state, nonce: kept.nonce },
          scope: SCOPES.filter((one) => known.includes(one)).join(" "),
          code_challenge: await calculatePKCECodeChallenge(kept.verifier),
          code_challenge_method: "S256",
        });
        if (!isPrivateUrl(url.href)) throw new MpoError("invalid-data", `the login page of ${issuer} is not https://`);
        return { url: url.href, kept };
      }),
    finish: async (cameBackTo, { state, nonce, verifier }, { signal = NEVER }) =>
      await askingProvider(provider, signal, async (config) => {
        const checks = {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        };
        const answer = await authorizationCodeGrant(config, new URL(cameBackTo), checks).catch((thrown: unknown) => {
          throw refusalOf(thrown, issuer);
        });
        return loginOf(provider, answer).token;
      }),
  };
}

const { signal: NEVER } = new AbortController();

/** Of an answer that came by the browser: anybody may have sent it. */
function refusalOf(thrown: unknown, issuer: string): unknown {
  if (thrown instanceof AuthorizationResponseError) {
    const { error, error_description: words } = thrown;
    if (error === "access_denied") return new MpoError("permission-denied", "the login was denied");
    const why = asLine(words === undefined ? error : `${error} (${words})`);
    return new MpoError("precondition-failed", `the OpenID provider ${issuer} refuses the login: ${why}`);
  }
  if (!(thrown instanceof ClientError)) return thrown;
  return new MpoError("unauthenticated", "what came back is not the answer to the login that this browser began");
}

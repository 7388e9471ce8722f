import { MpoError } from "@mpo/core";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/call.ts";
import { signIn } from "../state/session.ts";
import { Failure } from "../ui/failure.tsx";

/** Asks who it is: by a token, or by an account where the fleet has a place to log in. */
export function SignIn(): VNode {
  const [error, setError] = useState<MpoError | undefined>(() => refusalIn(location));
  const [isBusy, setBusy] = useState(false);
  const [issuer, setIssuer] = useState<string>();
  useEffect(() => {
    const ends = new AbortController();
    document.title = "Sign in · MPOptimizer";
    call("getAuthority", {}, ends.signal).then(
      ({ oidc }) => setIssuer(oidc?.issuer),
      // Whoever has a token can sign in all the same.
      () => undefined,
    );
    return () => ends.abort();
  }, []);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = new FormData(form).get("token");
    if (typeof token !== "string") return;
    setBusy(true);
    signIn({ token: token.trim() })
      .catch((thrown: unknown) => setError(MpoError.from(thrown)))
      .finally(() => setBusy(false));
  };
  return (
    <main class="alone" id="main">
      <h1>MPOptimizer</h1>
      <p>Sign in to see and change this fleet.</p>
      <Failure error={error} />
      <form onSubmit={onSubmit} class="card">
        <label class="field">
          <span>Access token</span>
          <input name="token" type="password" required autocomplete="current-password" spellcheck={false} />
        </label>
        <button type="submit" class="primary" disabled={isBusy}>
          Sign in
        </button>
        <p class="faint">
          On the coordinator's machine, <code>mpo console</code> opens this page signed in. A token comes from{" "}
          <code>mpo access create NAME --role operator</code>.
        </p>
      </form>
      {issuer !== undefined && (
        <form class="card" method="get" action="/session/oidc">
          <button type="submit">Sign in with {hostOf(issuer)}</button>
        </form>
      )}
    </main>
  );
}

function hostOf(issuer: string): string {
  try {
    return new URL(issuer).host;
  } catch {
    return "your account";
  }
}

/** Why the place to log in sent its visitor back. */
function refusalIn({ search }: Location): MpoError | undefined {
  const words = new URLSearchParams(search).get("sign-in-error");
  return words === null ? undefined : new MpoError("unauthenticated", words.slice(0, 256));
}

import { MpoError } from "@mpo/core";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { signIn } from "../state/session.ts";
import { about } from "../state/who.ts";
import { Failure } from "../ui/failure.tsx";

/** Asks who it is: by a token, or by an account where the fleet has a place to log in. */
export function SignIn(): VNode {
  const [error, setError] = useState<MpoError | undefined>(() => refusalIn(location));
  const [isBusy, setBusy] = useState(false);
  const { fleet, oidc } = about.value ?? {};
  useEffect(() => {
    document.title = "Sign in · MPOptimizer";
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
      <p>Sign in to see and change {fleet === undefined ? "this fleet" : `fleet ${fleet}`}.</p>
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
      {oidc !== undefined && (
        <p>
          <a class="button" href="/session/oidc">
            Sign in with {hostOf(oidc.issuer)}
          </a>
        </p>
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
function refusalIn({ hash }: Location): MpoError | undefined {
  const words = new URLSearchParams(hash.slice(1)).get("error");
  return words === null ? undefined : new MpoError("unauthenticated", words.slice(0, 256));
}

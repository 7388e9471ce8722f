import { call, OWN_HEADERS, send } from "../api/call.ts";
import { about, type SessionState, signedOut, tenant, who } from "./who.ts";

const TENANT_KEY = "mpo-tenant";

/** Asks whether this browser is signed in, and as whom. */
export async function resumeSession(): Promise<void> {
  const state = (await (await send("/session", {})).json()) as SessionState;
  about.value = state;
  if (!state.isSignedIn) return signedOut();
  const found = await call("whoAmI", {});
  tenant.value = found.tenant ?? localStorage.getItem(TENANT_KEY) ?? "default";
  who.value = found;
}

/** Signs in with an operator's token, or with a one-time code. */
export async function signIn(proof: { readonly token: string } | { readonly code: string }): Promise<void> {
  await send("/session", { method: "POST", headers: OWN_HEADERS, body: JSON.stringify(proof) });
  await resumeSession();
}

export async function signOut(): Promise<void> {
  await send("/session", { method: "DELETE", headers: OWN_HEADERS, body: "{}" });
  signedOut();
}

/** Looks at another tenant, from now on. */
export function chooseTenant(name: string): void {
  localStorage.setItem(TENANT_KEY, name);
  tenant.value = name;
}

import { call, OWN_HEADERS, send } from "../api/call.ts";
import { signedOut, tenant, who } from "./who.ts";

const TENANT_KEY = "mpo-tenant";

/** Asks who this browser is signed in as. */
export async function resumeSession(): Promise<void> {
  try {
    const found = await call("whoAmI", {});
    tenant.value = found.tenant ?? localStorage.getItem(TENANT_KEY) ?? "default";
    who.value = found;
  } catch (thrown) {
    // Whoever is not signed in has been seen to already.
    if (who.peek() !== null) throw thrown;
  }
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

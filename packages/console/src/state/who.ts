import type { AdminServiceMethods, ResponseOf } from "@mpo/protocol";
import { signal } from "@preact/signals";

/** Who is signed in; undefined: not known yet, null: nobody. */
export const who = signal<ResponseOf<AdminServiceMethods["whoAmI"]> | null | undefined>(undefined);

/** What the coordinator says of itself to whoever asks. */
export interface SessionState {
  readonly isSignedIn: boolean;
  /** False: nobody proves who they are here. */
  readonly needsSignIn: boolean;
  readonly fleet?: string;
  /** Where people can log in with an account of their own. */
  readonly oidc?: { readonly issuer: string };
}

export const about = signal<SessionState | undefined>(undefined);

/** The tenant that is looked at. */
export const tenant = signal("default");

export function signedOut(): void {
  who.value = null;
}

const ORDER = ["viewer", "operator", "admin"] as const;

/** Whether who is signed in may do what needs a role. The coordinator decides; this only says what to offer. */
export function may(role: (typeof ORDER)[number]): boolean {
  const found = who.value;
  return found !== null && found !== undefined && ORDER.indexOf(found.role) >= ORDER.indexOf(role);
}

/** Whether what concerns the whole fleet may be done: it needs a person who is bound to no tenant. */
export function mayRuleFleet(): boolean {
  return may("admin") && who.value?.tenant === undefined;
}

import type { Person } from "../identity/person.ts";
import type { PeerFacts } from "./device-identity.ts";

/** What a call brings beside its request. */
export interface ApiCall extends PeerFacts {
  readonly signal: AbortSignal;
  /** Who asks, as it was proven; absent: nobody proves who they are. */
  readonly person?: Person | undefined;
  /** Name of the call in the logs. */
  readonly requestId?: string;
  /** The span that the call is; absent: nothing is traced. */
  readonly traceparent?: string | undefined;
}

import { given } from "@mpo/core";
import type { StoreContext } from "../store/change-entry.ts";
import type { Watching } from "../store/watched-map.ts";
import { AccessTokens } from "./access-tokens.ts";
import type { FleetAuthority } from "./authority.ts";
import { Enrolments } from "./enrolments.ts";
import { JoinTokens } from "./join-tokens.ts";
import { NatsUsers, type PushRevocations } from "./nats-users.ts";

/** Who belongs to a fleet, who may do what in it, and what vouches for them. */
export interface Identities {
  readonly authority: FleetAuthority;
  readonly enrolments: Enrolments;
  readonly joinTokens: JoinTokens;
  readonly accessTokens: AccessTokens;
  /** The parts that follow the store. */
  readonly watched: Readonly<Record<string, { readonly watches: readonly Watching[] }>>;
  /** Forgets what has expired, now and then, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

const SWEEP_MS = 3_600_000;

/** `pushRevocations`: gives NATS its account with these revocations; absent: NATS asks for no proof. */
export function identitiesOf(
  context: StoreContext,
  authority: FleetAuthority,
  pushRevocations: PushRevocations | undefined,
): Identities {
  const joinTokens = new JoinTokens(context);
  const accessTokens = new AccessTokens(context);
  const validMs = authority.view.certificateValidMs;
  const natsUsers = pushRevocations && new NatsUsers(context, { validMs, push: pushRevocations });
  const enrolments = new Enrolments(context, { authority, tokens: joinTokens, natsUsers });
  const sweep = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await enrolments.finishRevocations(signal);
        await joinTokens.sweep({ signal });
        await accessTokens.sweep({ signal });
      } catch (err) {
        if (!signal.aborted) context.logger.warn("what is over could not be cleared away; later again", { err });
      }
      await context.clock.sleep(SWEEP_MS, { signal }).catch(() => undefined);
    }
  };
  return {
    ...{ authority, enrolments, joinTokens, accessTokens },
    watched: { enrolments, joinTokens, accessTokens, ...given({ natsUsers }) },
    run: async (signal) => {
      await Promise.all([natsUsers?.run(signal), sweep(signal)]);
    },
  };
}

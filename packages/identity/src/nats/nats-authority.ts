import { MpoError } from "@mpo/core";
import { natsJwt, seconds } from "./nats-jwt.ts";
import { createNkey, isUserNkey, type Nkey, publicNkeyOf } from "./nkeys.ts";

/** The seeds of a fleet's NATS identities. All are secret; the public keys follow from them. */
export interface NatsAuthority {
  /** Vouches for the accounts; servers trust it. */
  readonly operatorSeed: string;
  /** The account of streams and coordinators. */
  readonly accountSeed: string;
  readonly deviceAccountSeed: string;
  /** Signs users of the devices' account that can be devices and nothing else. */
  readonly deviceSigningSeed: string;
  /** The account in which servers take new account JWTs. */
  readonly systemAccountSeed: string;
  readonly systemUserSeed: string;
  readonly coordinatorSeed: string;
}

/** Who, apart from devices, connects to NATS. */
export type NatsRole = "coordinator" | "system";

export interface JwtTimes {
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** An account's JWT, and the public key that it is known by. */
interface AccountClaim {
  readonly id: string;
  readonly jwt: string;
}

/** The JWTs that servers must know. */
export interface NatsClaims {
  readonly operator: string;
  /** Streams, and the coordinators. */
  readonly fleet: AccountClaim;
  /**
   * The devices. They have an account of their own because the answer to a request goes wherever its sender asked for:
   * within the fleet's account, a device could have a copy of its document sent to the API that deletes streams.
   */
  readonly devices: AccountClaim;
  readonly system: AccountClaim;
}

export interface ClaimsOptions {
  readonly fleetId: string;
  readonly nowMs: number;
  /** Subjects of a device, each followed by its key: where it asks for its document, hears of it, and gets answers. */
  readonly subjects: { readonly documents: string; readonly pushes: string; readonly inboxes: string };
  /**
   * When devices were revoked, by public nkey: their JWTs issued before then count no more. Absent: not known yet, as at
   * the start of a server; accounts that servers were given before then count, not these.
   */
  readonly revocations?: ReadonlyMap<string, number> | undefined;
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = {
  ...NO_LIMITS,
  ...{ imports: -1, exports: -1, wildcards: true, conn: -1, leaf: 0, disallow_bearer: true },
};
const JETSTREAM_LIMITS = {
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1, max_ack_pending: -1 },
  ...{ mem_max_stream_bytes: -1, disk_max_stream_bytes: -1 },
};
/** A device subscribes to its pushes and its answers, and asks with an empty message. */
const DEVICE_LIMITS = { subs: 8, data: -1, payload: 1024 };
/** Three names: anything else could be a wildcard for the subjects of others. */
const DEVICE_KEY = /^[\w-]{1,64}\.[\w-]{1,64}\.[\w-]{1,64}$/u;

export function createNatsAuthority(): NatsAuthority {
  return {
    operatorSeed: createNkey("operator").seed,
    accountSeed: createNkey("account").seed,
    deviceAccountSeed: createNkey("account").seed,
    deviceSigningSeed: createNkey("account").seed,
    systemAccountSeed: createNkey("account").seed,
    systemUserSeed: createNkey("user").seed,
    coordinatorSeed: createNkey("user").seed,
  };
}

/** A device's own key for NATS: it keeps the seed, and sends the public key. */
export function createDeviceNkey(): Nkey {
  return createNkey("user");
}

export function natsClaims(authority: NatsAuthority, options: ClaimsOptions): NatsClaims {
  const { fleetId, subjects, revocations } = options;
  // A server keeps the accounts that it has over older ones in its configuration.
  const nowMs = revocations === undefined ? 0 : options.nowMs;
  const { operatorSeed, accountSeed, deviceAccountSeed, deviceSigningSeed, systemAccountSeed } = authority;
  const claim = (seed: string, what: string, content: Readonly<Record<string, unknown>>): AccountClaim => {
    const id = publicNkeyOf(seed);
    const type = seed === operatorSeed ? "operator" : "account";
    return { id, jwt: natsJwt(operatorSeed, { name: `mpo ${fleetId} ${what}`, subject: id, type, nowMs, content }) };
  };
  const system = claim(systemAccountSeed, "system", { limits: ACCOUNT_LIMITS });
  const shared = [
    { name: "documents", subject: `${subjects.documents}.>`, type: "service" },
    { name: "pushes", subject: `${subjects.pushes}.>`, type: "stream" },
  ];
  const fleet = claim(accountSeed, "fleet", {
    limits: { ...ACCOUNT_LIMITS, ...JETSTREAM_LIMITS },
    exports: shared,
  });
  const own = "{{name()}}";
  const template = {
    pub: { allow: [`${subjects.documents}.${own}`] },
    sub: { allow: [`${subjects.pushes}.${own}`, `${subjects.inboxes}.${own}.>`] },
    ...DEVICE_LIMITS,
    allowed_connection_types: ["STANDARD"],
  };
  const devices = claim(deviceAccountSeed, "devices", {
    limits: ACCOUNT_LIMITS,
    imports: shared.map((each) => ({ ...each, account: fleet.id })),
    signing_keys: [{ kind: "user_scope", key: publicNkeyOf(deviceSigningSeed), role: "device", template }],
    revocations: Object.fromEntries([...(revocations ?? [])].map(([key, ms]) => [key, seconds(ms)])),
  });
  return { operator: claim(operatorSeed, "operator", { system_account: system.id }).jwt, fleet, devices, system };
}

/** What a device proves itself with to NATS. `key`: the device's key, "<shard>.<tenant>.<device>". */
export function deviceUserJwt(
  { deviceAccountSeed, deviceSigningSeed }: NatsAuthority,
  { key, publicNkey, ...times }: JwtTimes & { readonly key: string; readonly publicNkey: string },
): string {
  if (!DEVICE_KEY.test(key)) throw new MpoError("invalid-argument", `${JSON.stringify(key)} is no device's key`);
  if (!isUserNkey(publicNkey)) {
    throw new MpoError("invalid-argument", "the device's key for NATS is not valid; expected a user's public nkey");
  }
  // The limits and permissions of a scoped user are those of its signing key.
  const content = { issuer_account: publicNkeyOf(deviceAccountSeed) };
  return natsJwt(deviceSigningSeed, { ...times, name: key, subject: publicNkey, type: "user", content });
}

/** For the fleet's own processes: the coordinator may do everything in its account, "system" pushes accounts. */
export function roleUserJwt(authority: NatsAuthority, role: NatsRole, times: JwtTimes): string {
  const isSystem = role === "system";
  const content = isSystem
    ? { ...NO_LIMITS, pub: { allow: ["$SYS.REQ.CLAIMS.UPDATE"] }, sub: { allow: ["_INBOX.>"] } }
    : { ...NO_LIMITS, pub: {}, sub: {} };
  return natsJwt(isSystem ? authority.systemAccountSeed : authority.accountSeed, {
    ...{ ...times, name: role, subject: publicNkeyOf(roleSeed(authority, role)), type: "user" },
    content,
  });
}

export function roleSeed(authority: NatsAuthority, role: NatsRole): string {
  return role === "system" ? authority.systemUserSeed : authority.coordinatorSeed;
}

/** A `.creds` file, as other clients of NATS read it. */
export function credsFile(jwt: string, seed: string): string {
  const part = (kind: string, text: string): string => `-----BEGIN ${kind}-----\n${text}\n------END ${kind}------\n`;
  return `${part("NATS USER JWT", jwt)}\n${part("USER NKEY SEED", seed)}`;
}

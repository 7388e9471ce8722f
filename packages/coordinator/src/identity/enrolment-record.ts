import { type Fact, fact, given, MpoError } from "@mpo/core";
import { type DeviceIdentity, type EnrollRequest, type EnrolmentView, schemas } from "@mpo/protocol";
import { type RecordForm, recordForm } from "../store/records.ts";
import type { IssuedCertificate } from "./authority.ts";
import type { JoinTokenRecord } from "./join-tokens.ts";

const { digest, list, name, object, text, timestampMs, whole, word } = fact;

/** Users of NATS that one device may have had in the lifetime of a proof: each is remembered, to be revoked with it. */
const MAX_NATS_USERS = 8;

const enrolmentSchema = object({
  identity: schemas.deviceIdentity,
  state: word(["accepted", "pending", "rejected", "revoked", "preauthorised"]),
  /** SHA-256 of its public key: the key is the device. */
  keyDigest: digest(),
  /** Its users of NATS whose proof may still be good, the newest first; each by its public key. */
  natsUsers: list(object({ key: text(1, 128), endsAtMs: timestampMs() }), 0, MAX_NATS_USERS),
  /** Labels that its token or an operator gave it. */
  labels: schemas.labels,
  requestedAtMs: timestampMs().optional(),
  deviceClass: name().optional(),
  board: text(0, 128),
  address: text(0, 128),
  decidedBy: text(1, 128).optional(),
  certificateEndsAtMs: timestampMs().optional(),
  /** How many certificates it was given. */
  issued: whole(),
});

/** A device that is part of the fleet, or asks to be. */
export type EnrolmentRecord = Fact<typeof enrolmentSchema>;
export const enrolmentForm: RecordForm<EnrolmentRecord> = recordForm("enrolment", enrolmentSchema);

/** A device that only waits has no name yet: else whoever asks first could keep names from those who are expected. */
export function hasOnlyAsked({ state, issued }: EnrolmentRecord): boolean {
  return state === "pending" && issued === 0;
}

/** What a device is given when it is let in. Without a certificate, it has one of another authority, which ends so. */
export type Issued = Pick<IssuedCertificate, "endsAtMs"> & {
  readonly certificatePem?: string;
  readonly natsJwt?: string | undefined;
};

interface Admission extends Pick<EnrollRequest, "inventory" | "natsPublicKey"> {
  readonly identity: DeviceIdentity;
  readonly keyDigest: string;
  readonly address: string;
  readonly state: EnrolmentRecord["state"];
  readonly token: JoinTokenRecord | undefined;
  readonly usesToken: boolean;
  readonly issued: Issued | undefined;
  /** Whether something about it is decided now. */
  readonly isNew: boolean;
  readonly nowMs: number;
}

/** The record of a device that has asked. Throws `over-budget` for one that has another key for NATS each time. */
export function admitted(before: EnrolmentRecord | undefined, admission: Admission): EnrolmentRecord {
  const { identity, keyDigest, address, state, token, usesToken, inventory, natsPublicKey, isNew, nowMs } = admission;
  const issued = state === "accepted" ? admission.issued : undefined;
  const same = before?.keyDigest === keyDigest ? before : undefined;
  const users = same?.natsUsers ?? [];
  const hasUser = issued?.natsJwt !== undefined && natsPublicKey !== undefined;
  return {
    ...{ identity, keyDigest, address, state },
    labels: (usesToken ? token?.labels : before?.labels) ?? [],
    requestedAtMs: same?.requestedAtMs ?? nowMs,
    deviceClass: inventory.deviceClass,
    board: inventory.board,
    natsUsers: hasUser ? withNatsUser(users, { key: natsPublicKey, endsAtMs: issued.endsAtMs }, nowMs) : users,
    ...given({
      decidedBy: isNew && token !== undefined ? token.createdBy : before?.decidedBy,
      certificateEndsAtMs: issued?.endsAtMs ?? before?.certificateEndsAtMs,
    }),
    issued: (before?.issued ?? 0) + (issued === undefined ? 0 : 1),
  };
}

/** A device's users of NATS with one more. */
function withNatsUser(
  users: EnrolmentRecord["natsUsers"],
  user: EnrolmentRecord["natsUsers"][number],
  nowMs: number,
): EnrolmentRecord["natsUsers"] {
  const others = users.filter(({ key, endsAtMs }) => key !== user.key && endsAtMs > nowMs);
  if (others.length < MAX_NATS_USERS) return [user, ...others];
  throw new MpoError("over-budget", `the device has had ${MAX_NATS_USERS} keys for NATS, none of which has ended`, {
    hint: "It should keep its key. When the first one's proof has ended, it may have another.",
  });
}

/** As people and programs are shown it. */
export function enrolmentView(record: EnrolmentRecord): EnrolmentView {
  const { identity, state, keyDigest, requestedAtMs, deviceClass, board, address, decidedBy, certificateEndsAtMs } =
    record;
  return {
    ...{ identity, state, keyDigest, board, address },
    ...given({ requestedAtMs, deviceClass, decidedBy, certificateEndsAtMs }),
  };
}

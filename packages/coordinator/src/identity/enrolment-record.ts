import { type Fact, fact, given } from "@mpo/core";
import { type EnrolmentView, schemas } from "@mpo/protocol";
import { type RecordForm, recordForm } from "../store/records.ts";

const { digest, name, object, text, timestampMs, whole, word } = fact;

const enrolmentSchema = object({
  identity: schemas.deviceIdentity,
  state: word(["accepted", "pending", "rejected", "revoked", "preauthorised"]),
  /** SHA-256 of its public key: the key is the device. */
  keyDigest: digest(),
  /** Its user of NATS; absent: NATS asks for none, or it has not come yet. */
  natsPublicKey: text(1, 128).optional(),
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

/** As people and programs are shown it. */
export function enrolmentView(record: EnrolmentRecord): EnrolmentView {
  const { identity, state, keyDigest, requestedAtMs, deviceClass, board, address, decidedBy, certificateEndsAtMs } =
    record;
  return {
    ...{ identity, state, keyDigest, board, address },
    ...given({ requestedAtMs, deviceClass, decidedBy, certificateEndsAtMs }),
  };
}

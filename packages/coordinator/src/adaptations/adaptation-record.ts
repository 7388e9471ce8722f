import { createHash } from "node:crypto";
import { type Fact, fact, MAX_NORMALISATION_BYTES } from "@mpo/core";
import { type ReportAdaptationRequest, schemas } from "@mpo/protocol";
import { packed, packedBytes, type RecordForm, recordForm, unpacked } from "../store/records.ts";

const { digest, flag, list, name, object, timestampMs, whole } = fact;

/** Devices whose word on it is kept; the oldest go first. */
const MAX_TRIALS = 64;

const headSchema = object({
  ...schemas.adaptationFacts.shape,
  device: name(),
  receivedAtMs: timestampMs(),
  /** Of the parameters. */
  digest: digest(),
  bytes: whole(1, MAX_NORMALISATION_BYTES),
  /** What became of it on other devices: whether what they serve by now was learned from it. */
  trials: list(object({ device: name(), hasHelped: flag() }), 0, MAX_TRIALS),
});
const recordSchema = object({ ...headSchema.shape, parameters: packedBytes });
type AdaptationRecord = Fact<typeof recordSchema>;
const form: RecordForm<AdaptationRecord> = recordForm("adaptation", recordSchema);

/** What a device has learned of a drift, without the parameters. */
export interface KeptAdaptation extends Fact<typeof headSchema> {
  readonly tenant: string;
  /** Its name: it follows from the report's, so that a repeated report is found again. */
  readonly id: string;
}

const ID_DIGITS = 16;

export function keptOf(
  { identity: { tenant, device }, report, adaptation }: ReportAdaptationRequest,
  receivedAtMs: number,
): KeptAdaptation {
  const { parameters, ...facts } = adaptation;
  return {
    ...{ ...facts, tenant, device, receivedAtMs, trials: [] },
    id: sha256(`${tenant} ${device} ${report}`).slice(0, ID_DIGITS),
    ...{ digest: sha256(parameters), bytes: parameters.length },
  };
}

export function adaptationKey({ tenant, id }: Pick<KeptAdaptation, "tenant" | "id">): string {
  return `${tenant}.${id}`;
}

export function adaptationToBytes({ tenant: _, id: __, ...head }: KeptAdaptation, parameters: Uint8Array): Uint8Array {
  return form.toBytes({ ...head, parameters: packed(parameters) });
}

/** Throws `invalid-data`. */
export function adaptationFromBytes(
  key: string,
  value: Uint8Array,
): { readonly kept: KeptAdaptation; readonly parameters: Uint8Array } {
  const { parameters, ...head } = form.fromBytes(value);
  const [tenant = "", id = ""] = key.split(".");
  return { kept: { ...head, tenant, id }, parameters: unpacked(parameters) };
}

/** With what another device says of it; its newest word counts. */
export function withTrial(kept: KeptAdaptation, device: string, hasHelped: boolean): KeptAdaptation {
  const others = kept.trials.filter((trial) => trial.device !== device);
  return { ...kept, trials: [...others, { device, hasHelped }].slice(-MAX_TRIALS) };
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

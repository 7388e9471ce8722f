import { type GateMeasured, type GateSpec, MpoError } from "@mpo/core";
import { ask, type OutsideParts } from "./outside-calls.ts";

/** What others are sent of a rollout when they are asked for a word on it. */
export interface WaveReport {
  readonly tenant: string;
  readonly rollout: string;
  /** From 1, as people count. */
  readonly wave: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Asks a gate's address; what goes wrong is an answer without a value. */
export async function measureOutside(
  parts: OutsideParts,
  { prometheus, webhook }: GateSpec,
  report: WaveReport,
  signal: AbortSignal,
): Promise<Pick<GateMeasured, "value" | "message">> {
  try {
    if (prometheus !== undefined) return measuredAs(await queried(parts, prometheus, signal));
    return measuredAs(numberIn(await ask(parts, webhook ?? "", report, signal)));
  } catch (thrown) {
    signal.throwIfAborted();
    return { message: MpoError.from(thrown).message };
  }
}

function measuredAs(value: number): Pick<GateMeasured, "value" | "message"> {
  return Number.isFinite(value) ? { value, message: `${value}` } : { message: "it is no number" };
}

/** Prometheus' HTTP API: one number, or one series with one. */
async function queried(
  parts: OutsideParts,
  { address, query }: NonNullable<GateSpec["prometheus"]>,
  signal: AbortSignal,
): Promise<number> {
  const url = new URL(`${address.replace(/\/+$/u, "")}/api/v1/query`);
  url.searchParams.set("query", query);
  const { status, data } = jsonIn(await ask(parts, url.href, undefined, signal));
  const { resultType, result } = Object(data) as { readonly resultType?: unknown; readonly result?: unknown };
  if (status !== "success" || !Array.isArray(result)) throw new MpoError("unavailable", "Prometheus gives no result");
  if (resultType === "scalar") return Number(result[1]);
  if (resultType !== "vector") throw new MpoError("unavailable", `the query gives a ${String(resultType)}, no number`);
  if (result.length === 0) throw new MpoError("unavailable", "the query gives nothing");
  if (result.length > 1) throw new MpoError("unavailable", `the query gives ${result.length} series; one is expected`);
  const { value } = Object(result[0]) as { readonly value?: unknown };
  return Number(Array.isArray(value) ? value[1] : undefined);
}

function numberIn(text: string): number {
  const { value } = jsonIn(text);
  if (typeof value === "number") return value;
  throw new MpoError("unavailable", 'it does not answer with {"value": NUMBER}');
}

function jsonIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new MpoError("unavailable", "it answers with something that is not JSON", { cause });
  }
}

import type { Clock } from "@mpo/io";
import type { Logger } from "../logger.ts";

/** A piece of work within a trace. */
export interface Span {
  /** Where it belongs, in W3C's form: what it causes elsewhere names it as its parent. */
  readonly traceparent: string;
  /** Name of the whole trace, 32 hexadecimal digits. */
  readonly traceId: string;
  /** Adds a fact that is known only later. */
  note(name: string, value: string | number): void;
}

/** What a span is called, and what caused it. */
export interface SpanOptions {
  readonly name: string;
  /** Default `internal`. */
  readonly kind?: "internal" | "client" | "server" | "producer" | "consumer";
  /** The `traceparent` of what caused it. Absent, or not in that form: it begins a trace. */
  readonly parent?: string | undefined;
  readonly attributes?: Readonly<Record<string, string | number | undefined>>;
}

/**
 * Where work is written down as spans, so that what one process caused in another can be seen as one. Disposed of, it sends
 * what is left, which takes seconds at most.
 */
export interface Tracing extends AsyncDisposable {
  /** Does work within a span; what it throws is in the span. `span` undefined: nothing is traced. */
  span<Result>(options: SpanOptions, work: (span: Span | undefined) => Promise<Result>): Promise<Result>;
}

/** Who traces, and where to. */
export interface TracingOptions {
  /** What the process is: "mpo-agent". `OTEL_SERVICE_NAME` is stronger. */
  readonly service: string;
  /** Which one of them. */
  readonly instance: string;
  readonly version?: string;
  /** OpenTelemetry's own variables say where spans go; without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is traced. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Traces nothing. */
export const noTracing: Tracing = {
  span: (_, work) => work(undefined),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/u;

/** The parts of a `traceparent` (W3C Trace Context, version 00); undefined: it is none. */
export function readTraceparent(
  text: string | undefined,
): { readonly traceId: string; readonly spanId: string; readonly flags: number } | undefined {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(text ?? "") ?? [];
  return traceId === "" ? undefined : { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

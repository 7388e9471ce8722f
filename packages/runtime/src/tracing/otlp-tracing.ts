import { given, MpoError } from "@mpo/core";
import { untilAborted, withDeadline } from "@mpo/io";
import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "../logger.ts";
import { redactText } from "../redact.ts";
import { readTraceparent, type Span, type SpanOptions, type Tracing, type TracingOptions } from "./tracing.ts";

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** A collector that is away must not hold a process that stops. */
const CLOSE_MS = 2_000;
/** Not each batch that could not be sent. */
const WARN_EVERY_MS = 60_000;
const MOST_CHARACTERS = 300;

/**
 * Spans by OpenTelemetry's SDK, in batches over OTLP (HTTP, protobuf). Nothing global of it is used but its log: parents
 * are passed from hand to hand, as everything is here.
 */
export function otlpTracing({
  service,
  instance,
  version,
  clock,
  logger,
}: Omit<TracingOptions, "environment">): Tracing {
  logProblems(logger);
  const own = {
    ...{ "service.name": service, "service.instance.id": instance },
    ...given({ "service.version": version }),
  };
  // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say is stronger.
  const resource = defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
  const spanProcessors = [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })];
  const provider = new TracerProvider({ resource, spanProcessors });
  const tracer = provider.getTracer("mpo", version);
  return {
    span: (options, work) => within(tracer, options, work),
    [Symbol.asyncDispose]: async () => {
      const shutdown = provider.shutdown();
      // What was not sent is in the log, by OpenTelemetry itself.
      await withDeadline("tracing", CLOSE_MS, (signal) => untilAborted(shutdown, signal), { clock }).catch(
        () => undefined,
      );
    },
  };
}

async function within<Result>(
  tracer: Tracer,
  { name, kind = "internal", parent, attributes }: SpanOptions,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes: { ...attributes } }, contextOf(parent));
  const { traceId, spanId, traceFlags } = span.spanContext();
  try {
    return await work({
      traceId,
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
      note: (key, value) => span.setAttribute(key, value),
    });
  } catch (thrown) {
    const { code, message } = MpoError.from(thrown);
    span.setAttribute("error.type", code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: redactText(message) });
    throw thrown;
  } finally {
    span.end();
  }
}

function contextOf(parent: string | undefined): Context {
  const { traceId, spanId, flags } = readTraceparent(parent) ?? {};
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true });
}

/** OpenTelemetry says here that spans could not be sent. */
function logProblems(logger: Logger): void {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  const problem = (message: string): void => {
    const nowMs = performance.now();
    if (nowMs - warnedAtMs < WARN_EVERY_MS) return;
    warnedAtMs = nowMs;
    logger.warn("spans could not be sent to OpenTelemetry", { why: message.slice(0, MOST_CHARACTERS) });
  };
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: problem, warn: problem, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

import { noTracing, type Tracing, type TracingOptions } from "./tracing.ts";

/** Traces to where the environment says, over OTLP; OpenTelemetry is loaded only then. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { environment, logger } = options;
  const endpoint = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (!endpoint || environment["OTEL_SDK_DISABLED"] === "true") return noTracing;
  const { otlpTracing } = await import("./otlp-tracing.ts");
  logger.info("spans are sent to OpenTelemetry", { endpoint: withoutSecrets(endpoint) });
  return otlpTracing(options);
}

function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "what is not a URL";
}

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it came over OTLP. */
export interface ReceivedSpan {
  /** `service.name` of the process. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it began its trace. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** A collector: takes what OTLP exporters send over HTTP, as protobuf, and reads the spans. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const isOurs = request.url === "/v1/traces" && request.headers["content-type"] === "application/x-protobuf";
        if (isOurs) this.spans.push(...spansIn(Buffer.concat(parts)));
        response.writeHead(isOurs ? 200 : 400, { "content-type": "application/x-protobuf" }).end();
      });
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The fields of a protobuf message, by number: bytes, or whole numbers. */
type Fields = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = Number(tag & 7n);
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()));
    const number = Number(tag >> 3n);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function messages(fields: Fields, number: number): readonly Fields[] {
  return (fields.get(number) ?? []).map((bytes) => fieldsOf(bytes as Buffer));
}

function text(fields: Fields, number: number, encoding: BufferEncoding = "utf8"): string {
  return (fields.get(number)?.[0] as Buffer | undefined)?.toString(encoding) ?? "";
}

/** opentelemetry/proto/collector/trace/v1/trace_service.proto, and what it names. */
function spansIn(bytes: Buffer): readonly ReceivedSpan[] {
  return messages(fieldsOf(bytes), 1).flatMap((resourceSpans) => {
    const [resource] = messages(resourceSpans, 1);
    const { "service.name": service = "" } = resource === undefined ? {} : attributesOf(resource, 1);
    const spans = messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2));
    return spans.map((span) => ({
      service: String(service),
      name: text(span, 5),
      traceId: text(span, 1, "hex"),
      spanId: text(span, 2, "hex"),
      parentSpanId: text(span, 4, "hex"),
      attributes: attributesOf(span, 9),
    }));
  });
}

function attributesOf(fields: Fields, number: number): Readonly<Record<string, string | number>> {
  const pairs = messages(fields, number).map((pair) => {
    const [value] = messages(pair, 2);
    const whole = value?.get(3)?.[0];
    return [text(pair, 1), typeof whole === "bigint" ? Number(whole) : value === undefined ? "" : text(value, 1)];
  });
  return Object.fromEntries(pairs) as Record<string, string | number>;
}

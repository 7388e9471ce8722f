import { type ClientHttp2Session, connect } from "node:http2";
import { COORDINATOR_NAME } from "@mpo/identity";
import type { Method } from "@mpo/protocol";

/** What an attacker shows. */
export interface Shown {
  readonly caPem: string;
  readonly certificatePem?: string | undefined;
  readonly privateKeyPem?: string | undefined;
}

/** How a call ended: with a status of gRPC, or the connection was refused. */
export interface RawAnswer {
  readonly status: number | "refused at the handshake" | "no answer";
  readonly message: string;
  readonly answers: readonly unknown[];
}

const OK = 0;
export const DENIED: readonly RawAnswer["status"][] = [7, 16, "refused at the handshake"];

/** A stream that has said nothing for so long has said what it had, milliseconds. */
const QUIET_MS = 40;

/** Longer than any call takes here. */
const LATE_MS = 20_000;

/** gRPC by hand, without what our own clients would not do. */
export class RawCalls {
  readonly #target: string;
  readonly #shown: Shown;
  #session: ClientHttp2Session | undefined;

  constructor(target: string, shown: Shown) {
    this.#target = target;
    this.#shown = shown;
  }

  async call(
    { path, request, response, isStream }: Method<unknown, unknown>,
    message: unknown,
    bearer: string | undefined,
    lateMs: number = LATE_MS,
  ): Promise<RawAnswer> {
    const body = Buffer.from(request.toBytes(message));
    const { status, text, bytes } = await this.#send(path, { body: framed(body), bearer, isStream, lateMs });
    const answers = messagesIn(bytes).map((one) => response.fromBytes(one));
    return { status, message: decodeURIComponent(text), answers };
  }

  close(): void {
    this.#session?.destroy();
  }

  #send(
    path: string,
    {
      body,
      bearer,
      isStream,
      lateMs,
    }: {
      readonly body: Buffer;
      readonly bearer: string | undefined;
      readonly isStream: boolean;
      readonly lateMs: number;
    },
  ) {
    return new Promise<{ status: RawAnswer["status"]; text: string; bytes: Buffer }>((resolve) => {
      const parts: Buffer[] = [];
      let quiet: NodeJS.Timeout | undefined;
      const late = setTimeout(() => end("no answer"), lateMs);
      const end = (status: RawAnswer["status"], text = ""): void => {
        clearTimeout(quiet);
        clearTimeout(late);
        if (status === "no answer") stream.close();
        resolve({ status, text, bytes: Buffer.concat(parts) });
      };
      const session = this.#open();
      const stream = session.request({
        ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      });
      const listen = (headers: Record<string, unknown>): void => {
        if (headers["grpc-status"] !== undefined) {
          end(Number(headers["grpc-status"]), String(headers["grpc-message"] ?? ""));
        } else if (isStream) wait();
      };
      const wait = (): void => {
        clearTimeout(quiet);
        quiet = setTimeout(() => {
          end(OK);
          stream.close();
        }, QUIET_MS);
      };
      stream.on("response", listen);
      stream.on("trailers", listen);
      stream.on("data", (part: Buffer) => {
        parts.push(part);
        if (isStream) wait();
      });
      stream.on("error", () => end("refused at the handshake"));
      stream.on("close", () => end("refused at the handshake"));
      stream.end(body);
    });
  }

  #open(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const { caPem, certificatePem, privateKeyPem } = this.#shown;
    const session = connect(`https://${this.#target}`, {
      ca: caPem,
      ...(certificatePem === undefined ? {} : { cert: certificatePem, key: privateKeyPem }),
      servername: COORDINATOR_NAME,
    });
    session.on("error", () => undefined);
    this.#session = session;
    return session;
  }
}

function framed(body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function messagesIn(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    found.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return found;
}

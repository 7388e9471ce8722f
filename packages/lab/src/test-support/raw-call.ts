import { type ClientHttp2Session, connect } from "node:http2";

const FRAME_BYTES = 5;

/** A connection over which anything can be sent as a gRPC message. Close it after the test. */
export function rawConnection(target: string): ClientHttp2Session {
  const http = connect(`http://${target}`);
  // The server ends the session when it stops; that is expected.
  http.on("error", () => undefined);
  return http;
}

/** Sends bytes that no client would, as gRPC over HTTP/2; resolves to the status. */
export function rawCall(http: ClientHttp2Session, path: string, message: Uint8Array): Promise<number> {
  const frame = Buffer.alloc(FRAME_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_BYTES);
  return new Promise((resolve, reject) => {
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = http.request(headers);
    const read = (from: Readonly<Record<string, unknown>>): void => {
      if (from["grpc-status"] !== undefined) resolve(Number(from["grpc-status"]));
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", reject);
    stream.resume();
    stream.end(frame);
  });
}

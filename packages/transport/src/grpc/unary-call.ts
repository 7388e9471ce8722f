import type { Client } from "@grpc/grpc-js";
import { abortError, throwIfAborted } from "@mpo/io";
import type { UnaryMethod } from "@mpo/protocol";
import { asIs, type CallOptions, cancelCall, deadlineIn, errorOfCall, requestMetadata } from "./call-options.ts";

/** Default of `deadlineMs` for calls with one answer. */
const UNARY_DEADLINE_MS = 10_000;

/** One request, one answer, once. Throws the server's error as it was thrown there, or what became of the connection. */
export async function unaryCall<Request, Response>(
  client: Client,
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: CallOptions = {},
): Promise<Response> {
  const { signal, deadlineMs = UNARY_DEADLINE_MS } = options;
  throwIfAborted(signal);
  const bytes = method.request.toBytes(request);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    let onAbort = (): void => undefined;
    const end = (settle: () => void): void => {
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const call = client.makeUnaryRequest(
      method.path,
      asIs,
      asIs,
      bytes,
      requestMetadata(options),
      { deadline: deadlineIn(deadlineMs) },
      (error, value) => {
        if (error !== null) end(() => reject(signal?.aborted ? abortError(signal) : errorOfCall(error)));
        else end(() => resolve(value ?? Buffer.alloc(0)));
      },
    );
    onAbort = () => cancelCall(call);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  return method.response.fromBytes(answer);
}

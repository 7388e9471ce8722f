import { type Client, status } from "@grpc/grpc-js";
import { abortError, throwIfAborted } from "@mpo/io";
import type { UnaryMethod } from "@mpo/protocol";
import { asIs, cancelCall, deadlineIn, errorOfCall, requestMetadata, type SentOptions } from "./call-options.ts";
import type { CallPace } from "./call-pace.ts";

export interface UnaryOptions extends SentOptions {
  /** Where no `deadlineMs` is given. */
  readonly pace: CallPace;
}

/** One request, one answer, once. Throws the server's error as it was thrown there, or what became of the connection. */
export async function unaryCall<Request, Response>(
  client: Client,
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: UnaryOptions,
): Promise<Response> {
  const { signal } = options;
  throwIfAborted(signal);
  const bytes = method.request.toBytes(request);
  const paced = options.pace.begin(bytes.length);
  const { deadlineMs = paced.deadlineMs } = options;
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
        if (error === null) {
          paced.answered();
          end(() => resolve(value ?? Buffer.alloc(0)));
        } else {
          if (error.code === status.DEADLINE_EXCEEDED) paced.givenUp();
          end(() => reject(signal?.aborted ? abortError(signal) : errorOfCall(error)));
        }
      },
    );
    onAbort = () => cancelCall(call);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  return method.response.fromBytes(answer);
}

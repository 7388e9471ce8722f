import type { Client, StatusObject } from "@grpc/grpc-js";
import { abortError, onAbort, throwIfAborted } from "@mpo/io";
import type { StreamMethod } from "@mpo/protocol";
import { asIs, cancelCall, deadlineIn, errorOfCall, requestMetadata, type SentOptions } from "./call-options.ts";

/** Default of `deadlineMs` for calls that are answered by a stream. */
const STREAM_DEADLINE_MS = 600_000;

/**
 * One request, a stream of answers, once. Reads no faster than its reader: a slow one holds the server back. Leaving the
 * loop ends the call. Throws the server's error after what came before it.
 */
export async function* streamCall<Request, Response>(
  client: Client,
  method: StreamMethod<Request, Response>,
  request: Request,
  options: SentOptions = {},
): AsyncGenerator<Response, void, undefined> {
  const { signal, deadlineMs = STREAM_DEADLINE_MS } = options;
  throwIfAborted(signal);
  const bytes = method.request.toBytes(request);
  const call = client.makeServerStreamRequest<Buffer, Buffer>(
    method.path,
    asIs,
    asIs,
    bytes,
    requestMetadata(options),
    { deadline: deadlineIn(deadlineMs) },
  );
  let status: StatusObject | undefined;
  call.on("status", (given: StatusObject) => {
    status = given;
  });
  using _listening = onAbort(signal, () => cancelCall(call));
  try {
    for await (const answer of call as AsyncIterable<Buffer>) yield method.response.fromBytes(answer);
  } catch (thrown) {
    if (signal?.aborted) throw abortError(signal);
    throw isServiceError(thrown) ? errorOfCall(thrown) : thrown;
  } finally {
    // The status of a cancelled call comes as an error that nothing waits for any more.
    call.on("error", () => undefined);
    call.cancel();
  }
  if (status !== undefined && status.code !== 0) throw errorOfCall(status);
}

function isServiceError(thrown: unknown): thrown is Parameters<typeof errorOfCall>[0] {
  return thrown instanceof Error && "code" in thrown && "details" in thrown && typeof thrown.code === "number";
}

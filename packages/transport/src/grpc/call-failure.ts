import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { statusFromError } from "@mpo/protocol";

/** Anything thrown, as grpc-js answers a call with it. */
export function failure(thrown: unknown): StatusObject & Error {
  const { code, details, metadata } = statusFromError(thrown);
  const trailers = new Metadata();
  for (const [key, value] of Object.entries(metadata)) {
    trailers.set(key, typeof value === "string" ? value : Buffer.from(value));
  }
  return Object.assign(new Error(details), { code, details, metadata: trailers });
}

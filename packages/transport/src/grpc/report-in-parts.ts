import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { given, MpoError } from "@mpo/core";
import { LIMITS, type PartRequest } from "@mpo/protocol";
import type { CallOptions } from "./call-options.ts";

type Call<Request, Response> = (request: Request, options?: CallOptions) => Promise<Response>;
type Report = Pick<PartRequest, "identity" | "instance">;

/**
 * Makes a report in parts where it is long, from where an earlier attempt was cut off: over a slow link that breaks now
 * and then, one long call might never end. The instance is not part of it, so a start of the agent begins nothing again.
 */
export function reportInParts<Request extends Report, Answer>(
  { request: codec }: { readonly request: { toBytes(value: Request): Uint8Array } },
  reportWhole: Call<Request, Answer>,
  reportPart: Call<PartRequest, { readonly arrivedBytes: number; readonly answer?: Answer | undefined }>,
): Call<Request, Answer> {
  return async (request, options) => {
    const { instance, ...report } = request;
    const whole = gzipSync(codec.toBytes(report as unknown as Request));
    if (whole.length <= LIMITS.partBytes) return await reportWhole(request, options);
    const { identity } = request;
    const digest = createHash("sha256").update(whole).digest("hex");
    const common = { identity, digest, totalBytes: whole.length, ...given({ instance }) };
    let { arrivedBytes, answer } = await reportPart({ ...common, offset: 0 }, options);
    while (answer === undefined) {
      const offset = arrivedBytes;
      const part = whole.subarray(offset, offset + LIMITS.partBytes);
      ({ arrivedBytes, answer } = await reportPart({ ...common, offset, part }, options));
      if (answer === undefined && arrivedBytes <= offset) {
        throw new MpoError("unavailable", "the coordinator has forgotten parts of a report");
      }
    }
    return answer;
  };
}

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { given, MpoError } from "@mpo/core";
import { FLEET_SERVICE, type FleetServiceMethods, LIMITS } from "@mpo/protocol";
import type { ClientOf } from "./service-client.ts";

type Calls = ClientOf<FleetServiceMethods>;

/**
 * Reports a profile in parts where it is long, from where an earlier attempt was cut off: over a slow link that breaks now
 * and then, one long call might never end. The instance is not part of it, so a start of the agent begins nothing again.
 */
export function reportInParts({ reportProfile, reportProfilePart }: Calls): Calls["reportProfile"] {
  return async (request, options) => {
    const { instance, ...report } = request;
    const whole = gzipSync(FLEET_SERVICE.reportProfile.request.toBytes(report));
    if (whole.length <= LIMITS.partBytes) return await reportProfile(request, options);
    const { identity } = request;
    const digest = createHash("sha256").update(whole).digest("hex");
    const common = { identity, digest, totalBytes: whole.length, ...given({ instance }) };
    let { arrivedBytes, answer } = await reportProfilePart({ ...common, offset: 0 }, options);
    while (answer === undefined) {
      const offset = arrivedBytes;
      const part = whole.subarray(offset, offset + LIMITS.partBytes);
      ({ arrivedBytes, answer } = await reportProfilePart({ ...common, offset, part }, options));
      if (answer === undefined && arrivedBytes <= offset) {
        throw new MpoError("unavailable", "the coordinator has forgotten parts of a report");
      }
    }
    return answer;
  };
}

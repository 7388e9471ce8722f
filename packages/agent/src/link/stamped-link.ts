import type { Instance } from "@mpo/protocol";
import type { FleetLink } from "../ports/fleet-link.ts";

/** A link whose every call says which start of the agent speaks, and until it is known also from what it continues. */
export function stampedLink(link: FleetLink, start: Instance): FleetLink {
  let instance = start;
  return {
    enroll: (request, options) => link.enroll({ ...request, instance }, options),
    hello: async (request, options) => {
      const answer = await link.hello({ ...request, instance: start }, options);
      const { earlierIds: _, ...known } = start;
      instance = known;
      return answer;
    },
    heartbeat: (request, options) => link.heartbeat({ ...request, instance }, options),
    reportProfile: (request, options) => link.reportProfile({ ...request, instance }, options),
    fetchProfile: (request, options) => link.fetchProfile({ ...request, instance }, options),
    reportStatus: (request, options) => link.reportStatus({ ...request, instance }, options),
  };
}

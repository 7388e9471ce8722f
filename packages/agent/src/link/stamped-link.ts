import type { Instance } from "@mpo/protocol";
import type { FleetLink } from "../ports/fleet-link.ts";

/** A link whose every call says which start of the agent speaks. */
export function stampedLink(link: FleetLink, instance: Instance): FleetLink {
  return {
    enroll: (request, options) => link.enroll({ ...request, instance }, options),
    hello: (request, options) => link.hello({ ...request, instance }, options),
    heartbeat: (request, options) => link.heartbeat({ ...request, instance }, options),
    reportProfile: (request, options) => link.reportProfile({ ...request, instance }, options),
    reportStatus: (request, options) => link.reportStatus({ ...request, instance }, options),
  };
}

import { FLEET_SERVICE, type FleetServiceMethods } from "@mpo/protocol";
import { reportInParts } from "./report-in-parts.ts";
import { type ClientOf, createServiceClient, type ServiceClientOptions, spread } from "./service-client.ts";

/** What agents ask of a coordinator. Every call is safe to repeat, and is repeated. */
export interface FleetClient extends Omit<ClientOf<FleetServiceMethods>, "reportProfilePart"> {
  /** Where calls go now: "host:port". */
  readonly target: string;
  /** How often the connection was stuck and made again. */
  readonly rebuilds: number;
  close(): void;
}

/** Connects when the first call is made; never throws itself. */
export function createFleetClient(options: ServiceClientOptions): FleetClient {
  // "Every call is safe to repeat" (fleet.proto).
  const common = spread(options);
  const connect = (isForLarge: boolean) => createServiceClient(FLEET_SERVICE, () => true, { ...common, isForLarge });
  const client = connect(false);
  // On one connection a heartbeat would wait for a report: what is sent is in the kernel's buffers, in order.
  const large = connect(true);
  const { reportStatus, getArtifact, getArtifactChunk } = large.calls;
  return {
    ...{ ...client.calls, reportProfile: reportInParts(large.calls), reportStatus, getArtifact, getArtifactChunk },
    get target() {
      return client.channel.target;
    },
    get rebuilds() {
      return client.channel.rebuilds + large.channel.rebuilds;
    },
    close: () => {
      client.channel.close();
      large.channel.close();
    },
  };
}

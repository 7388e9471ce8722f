import type { Clock } from "@mpo/io";
import type { DeviceIdentity, ReportedStatus, WindowResult } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import type { DocumentService } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { Identities } from "../identity/identities.ts";
import type { PriorService } from "../priors/prior-service.ts";
import type { ProbePolicy } from "../probes/probe-orders.ts";
import type { ProfileSharing } from "../probes/profile-sharing.ts";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import type { SearchQueue } from "../search/search-queue.ts";
import type { SearchService } from "../search/search-service.ts";
import type { StoreContext } from "../store/change-entry.ts";
import type { ApiCall } from "./api-call.ts";

/** What both APIs stand on. */
export interface ApiParts {
  readonly registry: Registry;
  readonly statuses: StatusService;
  readonly profiles: ProfileService;
  readonly documents: DocumentService;
  readonly searches: SearchService;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often devices are to say that they are there, at the moment. */
  readonly heartbeatSeconds: () => number;
  /** Absent: nobody proves who they are. */
  readonly identities?: Identities | undefined;
}

export interface FleetParts extends ApiParts, Pick<StoreContext, "ownTurn"> {
  readonly priors: PriorService;
  readonly queue: SearchQueue;
  readonly probes: ProbePolicy;
  readonly sharing: ProfileSharing;
  /** Where devices find NATS. */
  readonly natsServers: readonly string[];
  /** A report is stored; `status` absent: a profile. */
  readonly onReport?: (report: { readonly isDuplicate: boolean; readonly status?: ReportedStatus }) => void;
  /** After a window that was given something to start from. */
  readonly onStarted?: (identity: DeviceIdentity, window: WindowResult, call: Pick<ApiCall, "signal">) => Promise<void>;
  /** A document was sent again, above what a device knows. */
  readonly onRaised?: () => void;
}

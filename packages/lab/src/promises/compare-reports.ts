import type { FleetLink } from "@mpo/agent";
import { storedReports } from "@mpo/coordinator";
import type { DeviceIdentity, ReportProfileRequest } from "@mpo/protocol";
import type { StateStore } from "@mpo/transport";

/** What became of the reports that were acknowledged to a device. */
export interface ReportCheck {
  /** Acknowledged, but not in the store. */
  readonly lost: readonly string[];
  /** Times that one was stored again. */
  readonly duplicated: number;
  /** False: the store does not name all that it stored; it remembers the newest names only. */
  readonly isComplete: boolean;
}

/** Compares the acknowledged reports of a device's model with the store. */
export async function compareReports(
  store: StateStore,
  { identity, model }: { readonly identity: DeviceIdentity; readonly model: string },
  acknowledged: Iterable<string>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ReportCheck> {
  // What is acknowledged while the store is asked may be newer than its answer.
  const told = [...acknowledged];
  const { reports, storedCount } = await storedReports(
    store,
    { identity, model },
    { ...options, consistency: "confirmed" },
  );
  const names = new Set(reports);
  return {
    lost: told.filter((report) => !names.has(report)),
    duplicated: storedCount - names.size,
    isComplete: storedCount === reports.length,
  };
}

/** A link that says which reports of profiles were acknowledged. */
export function acknowledging(link: FleetLink, onAcknowledged: (request: ReportProfileRequest) => void): FleetLink {
  return {
    ...link,
    reportProfile: async (request, options) => {
      const answer = await link.reportProfile(request, options);
      // What a second machine of this name reports is kept apart from the device's profiles.
      if (answer.doubledBy === undefined) onAcknowledged(request);
      return answer;
    },
  };
}

import type { MethodWish, RetrainConfig, SearchBudget, SearchObjective } from "@mpo/core";
import type { DesiredDocument, DeviceIdentity, DocumentVersion, Reason } from "@mpo/protocol";
import type { DocumentContent } from "../documents/make-document.ts";
import type { ProfileName } from "../profiles/profile-service.ts";
import type { PlannedLadder } from "./planned-ladder.ts";

export interface DocumentWish extends Terms {
  readonly name: ProfileName;
  /** A document is made once for each. */
  readonly request: string;
  readonly budget?: SearchBudget | undefined;
  readonly objective?: SearchObjective | undefined;
  /** Run this one, whatever the search says. */
  readonly config?: RetrainConfig | undefined;
  /** Only if this is the newest version; else `conflict`. */
  readonly expectedVersion?: DocumentVersion | undefined;
  readonly reasons?: readonly Reason[];
  /** Nothing stays that was set before: as for a device that had no document. */
  readonly isFresh?: boolean;
  /** Nobody asked for it: a given configuration stays. */
  readonly isAutomatic?: boolean;
}

/** What is asked of a device beside its ladder. */
export interface Terms {
  /** The device runs a few steps before it trusts the document. */
  readonly check?: boolean | undefined;
  /** Memory to leave free, bytes. 0: none; absent: as it was. */
  readonly reserveBytes?: number | undefined;
  /** When work may begin. Empty: at any time; absent: as it was. */
  readonly hours?: readonly string[] | undefined;
  /** The only one, of which the profile must know; `auto`: any that the device may run; absent: as it was. */
  readonly method?: MethodWish | undefined;
  /** Version of a published model that it is to serve; absent: as it was. */
  readonly modelVersion?: number | undefined;
}

/** What a device is to be planned for. What is absent is as the policy, or who set it last, has it. */
export interface PlanWish extends Terms {
  readonly model: string;
  readonly budget?: Partial<SearchBudget> | undefined;
  readonly objective?: SearchObjective | undefined;
  readonly config?: RetrainConfig | undefined;
  /** A device whose profile is taken instead of its own. */
  readonly profileOf?: DeviceIdentity | undefined;
}

/** What a search found for a device. */
export interface PlannedDocument {
  readonly content: DocumentContent;
  readonly ladder: PlannedLadder;
  /** The report that brought the profile; absent: the model is not measured on the device yet, and has no ladder. */
  readonly measured?: string | undefined;
}

/** Content that was made before, for one device. */
export interface Gift {
  readonly request: string;
  /** Whether a device whose newest document answers such a request is given nothing any more. Default: never. */
  readonly isOvertakenBy?: (request: string) => boolean;
  readonly content: DocumentContent;
}

/** A wish for an older document's content. */
export interface RollBackWish {
  readonly request: string;
  readonly expectedVersion: DocumentVersion | undefined;
  readonly reasons: readonly Reason[];
}

/** A document that was made, or was there already. */
export interface MadeDocument {
  readonly document: DesiredDocument;
  /** Whether it was pushed now. */
  readonly isNew: boolean;
}

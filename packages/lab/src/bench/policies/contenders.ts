import { POLICY_NAMES, type PolicyName } from "@mpo/core";
import { POLICY_TITLES } from "../../policy-outcomes.ts";
import { PUBLISHED_NAMES, type PublishedName } from "./published-rules.ts";

/** All that run side by side: the rules as published, and the policies that are searched. */
export const CONTENDER_NAMES = [...PUBLISHED_NAMES, ...POLICY_NAMES] as const;
export type ContenderName = PolicyName | PublishedName;

/** As people read them. */
export const CONTENDER_TITLES: Readonly<Record<ContenderName, string>> = {
  publishedPlain: "published: plain",
  publishedMicroBatch: "published: micro-batch",
  publishedFreezing: "published: freezing",
  publishedCheckpointing: "published: checkpointing",
  publishedMixture: "published: mixture",
  ...POLICY_TITLES,
};

export function isPublished(name: ContenderName): name is PublishedName {
  return PUBLISHED_NAMES.some((published) => published === name);
}

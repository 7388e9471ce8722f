import { type Fact, fact, MAX_FILTER_LENGTH, MAX_UINT32, REASON_LENGTH } from "@mpo/core";

const { list, name, object, text, timestampMs, whole } = fact;

/** The text of a filter that chooses devices; it is read where it is used. */
export const where = text(1, MAX_FILTER_LENGTH);

/** Groups of one tenant. */
export const MAX_GROUPS = 256;

const group = object({
  name: name(),
  where,
  description: text(0, REASON_LENGTH),
  savedBy: text(1, 128),
  savedAtMs: timestampMs(),
  /** Absent: its filter cannot be read any more. */
  deviceCount: whole(0, MAX_UINT32).optional(),
});

/** A filter that was saved under a name, and how many devices it chooses now. */
export type GroupView = Fact<typeof group>;

/** A group as it is stored. */
export const savedGroup = group.omit({ deviceCount: true }).extend({ tenant: name() });

export const saveGroupRequest = object({ tenant: name(), name: name(), where, description: group.shape.description });
export const saveGroupResponse = object({ group });

export const listGroupsRequest = object({ tenant: name() });
export const listGroupsResponse = object({ groups: list(group, 0, MAX_GROUPS) });

export const removeGroupRequest = object({ tenant: name(), name: name() });
export const removeGroupResponse = object({});

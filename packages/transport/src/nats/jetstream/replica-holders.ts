import type { ClusterInfo } from "nats";

/** Which servers have a copy of a stream that is as new as the leader's, and which should have one. None: one copy. */
export function holdersOf({
  leader,
  replicas = [],
}: Partial<ClusterInfo> = {}): readonly [present: readonly string[], away: readonly string[]] {
  if (leader === undefined || leader === "" || replicas.length === 0) return [[], []];
  const isThere = ({ current, offline }: (typeof replicas)[number]): boolean => current && offline !== true;
  const names = (isWanted: boolean): readonly string[] =>
    replicas.filter((one) => isThere(one) === isWanted).map(({ name }) => name);
  return [[leader, ...names(true)], names(false)];
}

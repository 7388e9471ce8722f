/**
 * Runs `work` for 0..count-1, at most `limit` at a time; the results are in order. The first failure stops new work; it is
 * thrown once the work under way has ended, so nothing runs on after this returns.
 */
export async function forEachBounded<Result>(
  count: number,
  limit: number,
  work: (index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const done: Result[] = [];
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next++;
      try {
        done[index] = await work(index);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const lanes = Array.from({ length: Math.min(limit, count) }, lane);
  const results = await Promise.allSettled(lanes);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return done;
}

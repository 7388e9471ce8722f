import assert from "node:assert/strict";
import { it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger, ServiceManager } from "@mpo/runtime";
import { reportTo } from "./service-run.ts";

const NOT_YET = "is not in its fleet yet: the log says what it waits for";

it("a service that somebody has to let in counts as started after a minute, and says so until it is up", async () => {
  const clock = new VirtualClock();
  const said: string[] = [];
  const logger = createLogger({ write: () => undefined });
  const environment = { NOTIFY_SOCKET: "/run/systemd/notify" };
  const notify = (assignments: readonly string[]): Promise<void> => {
    said.push(assignments.join(" "));
    return Promise.resolve();
  };
  const manager = new ServiceManager({ environment, pid: 1, logger, clock, notify });
  let isUp = false;
  const ends = new AbortController();
  const reporting = { clock, signal: ends.signal, late: NOT_YET, status: () => (isUp ? "watches" : undefined) };
  await using _reports = reportTo(manager, reporting);
  await clock.advance(59_000);
  assert.deepEqual(said, []);
  await clock.advance(2_000);
  assert.deepEqual(said, [`READY=1 STATUS=${NOT_YET}`]);
  isUp = true;
  await clock.advance(1_000);
  assert.equal(said.at(-1), "STATUS=watches");
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger } from "@mpo/runtime";
import { AGENT_RELEASED_MS } from "../system/versions.ts";
import { DAY_MS, START_MS } from "../test-support/documents.ts";
import { MemoryDisk } from "../testing/memory-disk.ts";
import { TrustedTime } from "./trusted-time.ts";

const RELEASED_MS = START_MS - 100 * DAY_MS;
const MINUTE_MS = 60_000;

/** A machine without a battery: its disk stays, its clock begins in 1970. */
class Board {
  readonly disk = new MemoryDisk();
  readonly log: string[] = [];
  clock = new VirtualClock(0);

  open(...pastMs: readonly number[]): Promise<TrustedTime> {
    const logger = createLogger({
      write: (line, done) => {
        this.log.push(line);
        done();
      },
    });
    return TrustedTime.open({ clock: this.clock, disk: this.disk, logger }, [RELEASED_MS, ...pastMs]);
  }

  boot(atMs: number = 0): Promise<TrustedTime> {
    this.clock = new VirtualClock(atMs);
    return this.open();
  }

  /** Lines of the log that speak of the clock. */
  get clockLines(): readonly string[] {
    return this.log.filter((line) => line.includes("clock"));
  }
}

describe("trusted time", () => {
  it("follows the coordinator, not a clock that jumps forwards and back", async () => {
    const board = new Board();
    const time = await board.boot(START_MS - 3_000);
    await time.heard(START_MS);
    for (const jumpMs of [-START_MS, 3 * START_MS, -2 * START_MS]) {
      board.clock.jumpWallClock(jumpMs);
      await board.clock.advance(5_000);
      assert.equal(time.nowMs(), time.floorMs);
    }
    assert.equal(time.nowMs(), START_MS + 15_000);
  });

  it("believes the machine's clock again when the coordinator was not heard for a day, but never below the floor", async () => {
    const board = new Board();
    const time = await board.boot(START_MS);
    await time.heard(START_MS);
    await board.clock.advance(2 * DAY_MS);
    board.clock.jumpWallClock(MINUTE_MS);
    assert.equal(time.nowMs(), board.clock.now());
    board.clock.jumpWallClock(-board.clock.now());
    assert.equal(time.nowMs(), START_MS + 2 * DAY_MS);
    assert.match(time.problem ?? "", /^its clock says 1970-01-01T00:00:00.000Z, but it is later than 2026-/u);
  });

  it("starts in 1970 no earlier than the release, says so once, and once that it is over", async () => {
    const board = new Board();
    const time = await board.boot();
    assert.equal(time.nowMs(), RELEASED_MS);
    await board.clock.advance(MINUTE_MS);
    assert.equal(time.nowMs(), RELEASED_MS + MINUTE_MS);
    assert.equal(board.clockLines.length, 1);
    await time.heard(START_MS);
    assert.match(time.problem ?? "", /^its clock is \d{10} s behind the coordinator's$/u);
    assert.equal(board.clockLines.length, 1);
    board.clock.jumpWallClock(START_MS - MINUTE_MS);
    assert.equal(time.problem, undefined);
    await time.heard(START_MS);
    await time.heard(START_MS);
    assert.equal(board.clockLines.length, 2);
  });

  it("knows after a restart what it knew, also of documents", async () => {
    const board = new Board();
    const before = await board.boot();
    await before.heard(START_MS);
    before.hasPassed(START_MS + DAY_MS);
    await before.keep();
    const after = await board.boot();
    assert.deepEqual([after.floorMs, after.nowMs()], [START_MS + DAY_MS, START_MS + DAY_MS]);
    assert.equal((await board.open(START_MS + 2 * DAY_MS)).floorMs, START_MS + 2 * DAY_MS, "a later document's issue");
  });

  it("is not spoilt by a clock that was ahead, and says so where a coordinator is heard", async () => {
    const board = new Board();
    const ahead = await board.boot(START_MS + 9_000 * DAY_MS);
    assert.equal(ahead.problem, undefined, "nobody knows better");
    await ahead.heard(START_MS);
    assert.match(ahead.problem ?? "", /ahead of the coordinator's$/u);
    await ahead.keep();
    assert.equal((await board.boot()).nowMs(), START_MS);
  });

  it("is written every ten minutes at most, and when nothing has changed not at all", async () => {
    const board = new Board();
    const time = await board.boot(START_MS);
    for (let second = 0; second < 3_600; second += 30) {
      await time.heard(START_MS + second * 1000);
      await board.clock.advance(30_000);
    }
    assert.equal(board.disk.writes, 6);
    await time.keep();
    assert.equal(board.disk.writes, 7);
    await time.keep();
    assert.equal(board.disk.writes, 7);
  });

  it("a floor that cannot be read is none", async () => {
    const board = new Board();
    await board.disk.write("trusted-time", Buffer.from("00000000 {}\n"));
    assert.equal((await board.boot()).nowMs(), RELEASED_MS);
  });
});

describe("the release", () => {
  it("is in the past", () => {
    assert.ok(AGENT_RELEASED_MS <= Date.now());
  });
});

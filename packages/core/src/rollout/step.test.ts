import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MpoError } from "../facts/index.ts";
import { type PretendedDevice, ROLLOUT_START_MS, RolloutRoom } from "../test-support/rollout-room.ts";
import { conflictRollout } from "./commands.ts";
import type { DeviceProgress } from "./rollout-state.ts";
import { stepRollout } from "./step.ts";

function fleet(count: number, of: (index: number) => PretendedDevice = () => ({})): Record<string, PretendedDevice> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`pi-${index}`, of(index)]));
}

const BAD: PretendedDevice = { outcome: "failed", takesMs: 3_000 };

test("a rollout goes wave by wave, and each device is given its change once", () => {
  const room = new RolloutRoom({ waves: [{ count: 2 }, { percent: "50%" }] }, fleet(10));
  room.command("start");
  room.run(2);
  assert.equal(room.in("in-progress").length, 2);
  room.until("completed");
  assert.equal(room.in("confirmed").length, 10);
  assert.deepEqual([...room.pushes.values()].flat(), new Array(10).fill("give 1"));
  assert.deepEqual(
    room.rollout.state.waves.map(({ state }) => state),
    ["passed", "passed", "passed"],
  );
});

test("a wave that fails is rolled back, and nobody past it was touched", () => {
  const room = new RolloutRoom(
    { waves: [{ count: 20 }], success: "90%" },
    fleet(100, (index) => (index % 3 === 0 ? BAD : {})),
  );
  room.command("start");
  room.until("rolled-back");
  const touched = [...room.pushes.keys()];
  assert.equal(touched.length, 20);
  assert.deepEqual(room.in("rolled-back").toSorted(), touched.toSorted());
  assert.equal(room.in("pending").length, 80);
  assert.match(
    room.rollout.state.reason,
    /^wave 1: \d+ of \d+ finished devices failed \(pi-\d+: as pretended\); at least 90% must be confirmed$/u,
  );
});

void describe("what a rollout does when a wave fails", () => {
  const cases = [
    { action: "pause", phase: "halted", backs: 0 },
    { action: "stop", phase: "stopped", backs: 0 },
    { action: "roll-back", phase: "rolled-back", backs: 2 },
  ] as const;
  for (const { action, phase, backs } of cases) {
    test(action, () => {
      const room = new RolloutRoom(
        { waves: [{ count: 2 }], onFailure: { action } },
        fleet(4, () => BAD),
      );
      room.command("start");
      room.until(phase);
      assert.equal(room.in("rolled-back").length, backs);
      assert.equal(room.in("pending").length, 2);
      const messages = room.rollout.devices.filter(({ wave }) => wave === 0).map(({ message }) => message);
      assert.deepEqual(messages, ["as pretended", "as pretended"], "why it failed is kept");
    });
  }
});

test("it halts as soon as the threshold cannot be reached, while others are still in progress", () => {
  const room = new RolloutRoom(
    { success: "90%", onFailure: { action: "pause" } },
    fleet(20, (index) => (index < 3 ? BAD : { takesMs: 600_000 })),
  );
  room.command("start");
  room.run(6);
  assert.equal(room.phase, "halted");
  assert.equal(room.in("in-progress").length, 17);
  room.run(700);
  assert.equal(room.in("confirmed").length, 17, "what is in flight is still counted");
});

void describe("how much a device has to show", () => {
  const cases = [
    { confirm: "applied", outcome: "applied", state: "confirmed" },
    { confirm: "checked", outcome: "applied", state: "timed-out" },
    { confirm: "checked", outcome: "checked", state: "confirmed" },
    { confirm: "checked", outcome: "window", state: "confirmed" },
    { confirm: "window", outcome: "checked", state: "timed-out" },
    { confirm: "applied", outcome: "failed", state: "failed" },
    { confirm: "applied", outcome: "refused", state: "refused" },
    { confirm: "applied", outcome: "superseded", state: "superseded" },
  ] as const;
  for (const { confirm, outcome, state } of cases) {
    test(`${outcome} where ${confirm} is asked for: ${state}`, () => {
      const file = { confirm, timeouts: { device: "1min" }, onFailure: { action: "pause" } };
      const room = new RolloutRoom(
        file,
        fleet(1, () => ({ outcome })),
      );
      room.command("start");
      room.run(70);
      assert.equal(room.rollout.devices[0]?.state, state);
    });
  }
});

test("a device that is held up says by what, while it is waited for and when it is given up", () => {
  const file = { timeouts: { device: "1min" }, onFailure: { action: "pause" } };
  const room = new RolloutRoom(
    file,
    fleet(1, () => ({ takesMs: 600_000, trouble: "a check waits: memory" })),
  );
  room.command("start");
  room.run(30);
  assert.match(
    room.waits ?? "",
    /^1 device is in progress; each is given up .*\(pi-0; since 30 s\); pi-0: a check waits: memory$/u,
  );
  room.until("halted");
  assert.equal(room.rollout.devices[0]?.message, "it has not taken its change in time: a check waits: memory");
});

test("devices that are away neither hold a wave up nor count, and get their turn when they are back", () => {
  const isOnline = (atMs: number): boolean => atMs % 1e9 > 300_000;
  const room = new RolloutRoom(
    { waves: [{ percent: "50%" }] },
    fleet(10, (index) => (index < 3 ? { isOnline } : {})),
  );
  room.command("start");
  room.until("finishing");
  assert.equal(room.in("confirmed").length, 7);
  assert.equal(room.in("offline").length, 3);
  assert.match(room.waits ?? "", /^3 devices are away; each gets its turn when it is back \(pi-/u);
  room.until("completed");
  assert.equal(room.in("confirmed").length, 10);
});

test("a wave of which all are away waits, and says so", () => {
  const room = new RolloutRoom(
    {},
    fleet(2, () => ({ isOnline: () => false })),
  );
  room.command("start");
  room.run(300);
  assert.equal(room.phase, "running");
  assert.match(
    room.waits ?? "",
    /^wave 1: 2 devices are away; each gets its turn when it is back \(pi-\d, pi-\d; since 5 min\)$/u,
  );
});

test("a wave waits for its approval, then for its hook", () => {
  const file = {
    waves: [{ count: 1 }, { count: 1, approval: "manual" }],
    hooks: { betweenWaves: "https://gate.example/ask" },
  };
  const room = new RolloutRoom(file, fleet(3));
  room.hookSays = false;
  room.command("start");
  room.run(20);
  assert.match(room.waits ?? "", /^wave 2 waits for an approval since \d+ s: approve it$/u);
  room.command("approve", { actor: "grace" });
  room.run(5);
  assert.equal(room.in("pending").length, 2);
  assert.match(room.waits ?? "", /^the hook between-waves has not said yes for \d s$/u);
  room.hookSays = true;
  room.until("completed");
  assert.equal(room.rollout.state.waves[1]?.approvedBy, "grace");
});

test("a wave is watched for its dwell; next ends that", () => {
  const room = new RolloutRoom({ waves: [{ count: 1, dwell: "1h" }] }, fleet(2));
  room.command("start");
  room.run(600);
  assert.equal(room.in("pending").length, 1);
  assert.match(room.waits ?? "", /^wave 1 is watched for another \d+ min; next ends that now$/u);
  room.command("next");
  room.until("completed");
});

void describe("gates", () => {
  const gate = { name: "memory", metric: "memory-over-bound", success: "<= 5%", interval: "1min", count: 3 };
  const cases = [
    { what: "pass", value: 0.01, phase: "completed" },
    { what: "fail", value: 0.5, phase: "rolled-back" },
    { what: "cannot be judged", value: undefined, phase: "halted" },
    { what: "measure no number", value: Number.NaN, phase: "halted" },
    { what: "are a dry run", value: 0.5, dryRun: true, phase: "completed" },
    { what: "forgive some failures", value: 0.5, failureLimit: 3, count: 3, phase: "halted" },
  ] as const;
  for (const { what, value, phase, ...more } of cases) {
    test(what, () => {
      const room = new RolloutRoom({ gates: [{ ...gate, ...more }] }, fleet(3));
      room.measure = () => value;
      room.command("start");
      room.until(phase);
      if (phase === "halted") assert.equal(room.rollout.state.halt, "inconclusive");
      if (phase === "rolled-back")
        assert.equal(room.rollout.state.reason, "wave 1: gate memory: as pretended, which is not <= 0.05");
    });
  }

  test("stop a wave while it runs", () => {
    const file = { gates: [{ ...gate, failure: "> 20%" }], onFailure: { action: "pause" } };
    const room = new RolloutRoom(
      file,
      fleet(3, () => ({ takesMs: 3_000_000 })),
    );
    room.measure = () => 0.3;
    room.command("start");
    room.until("halted", 10);
    assert.equal(room.rollout.state.reason, "wave 1: gate memory: as pretended, which is > 0.2");
  });

  test("forgive a failure of a wave that runs, and are judged when it is done", () => {
    const file = { gates: [{ ...gate, count: 1, failureLimit: 1 }] };
    const room = new RolloutRoom(
      file,
      fleet(3, () => ({ takesMs: 20_000 })),
    );
    let asked = 0;
    room.measure = () => (++asked > 1 ? 0 : 0.5);
    room.command("start");
    room.until("completed");
  });

  test("say how many would have been enough", () => {
    const room = new RolloutRoom({ gates: [{ ...gate, minimumSample: 5 }] }, fleet(3));
    room.sample = 3;
    room.command("start");
    room.until("halted");
    assert.match(
      room.rollout.state.reason,
      /^wave 1: gate memory: as pretended, of at least 5 \(it cannot be judged\)$/u,
    );
  });

  test("are measured again where an answer is missing and that is forgiven", () => {
    const room = new RolloutRoom({ gates: [{ ...gate, count: 1, inconclusiveLimit: 2 }] }, fleet(3));
    let asked = 0;
    room.measure = () => (++asked > 2 ? 0 : undefined);
    room.command("start");
    room.until("completed");
  });

  test("are judged again after a resume", () => {
    const room = new RolloutRoom({ gates: [gate] }, fleet(3));
    room.measure = () => undefined;
    room.command("start");
    room.until("halted");
    room.measure = () => 0;
    room.command("resume");
    room.until("completed");
  });
});

test("a rate is kept, and turns that were not used do not come all at once", () => {
  const room = new RolloutRoom(
    { rate: { perMinute: 6 } },
    fleet(30, () => ({ takesMs: 500 })),
  );
  room.command("start");
  room.run(60);
  assert.equal(room.pushes.size, 6);
  room.command("pause");
  room.run(600);
  room.command("resume");
  room.run(60);
  assert.ok(room.pushes.size <= 13, `${room.pushes.size}`);
});

test("who has come back in time is changed, however long that takes", () => {
  const room = new RolloutRoom(
    { timeouts: { offline: "1min", device: "10min" }, retries: 1 },
    {
      ...fleet(2),
      back: { isOnline: (atMs) => atMs > ROLLOUT_START_MS + 50_000, takesMs: 120_000 },
      away: { isOnline: () => false },
    },
  );
  room.command("start");
  room.until("completed");
  assert.deepEqual([room.in("confirmed").length, room.in("offline")], [3, ["away"]]);
  assert.equal(room.rollout.state.reason, "1 device has not come back in time");
});

test("a pause takes nothing of a wave's timeout", () => {
  const room = new RolloutRoom({ rate: { perMinute: 6 }, timeouts: { wave: "1min" } }, fleet(4));
  room.command("start");
  room.run(20);
  room.command("pause");
  room.run(600);
  room.command("resume");
  room.until("completed", 60);
});

void describe("without a rate, no more than 500 are changed before they could answer", () => {
  test("who answers makes room for others", () => {
    const room = new RolloutRoom(
      {},
      fleet(1_300, () => ({ takesMs: 10_000 })),
    );
    room.command("start");
    room.run(5);
    assert.equal(room.in("in-progress").length, 500);
    room.until("completed", 60);
  });

  test("who does not answer holds others up for a minute", () => {
    const room = new RolloutRoom(
      {},
      fleet(1_300, () => ({ takesMs: 900_000 })),
    );
    room.command("start");
    room.run(59);
    assert.equal(room.in("in-progress").length, 500);
    room.run(10);
    assert.equal(room.in("in-progress").length, 1_000);
  });

  test("nor are more given back", () => {
    const room = new RolloutRoom(
      {},
      fleet(1_300, () => ({ takesMs: 3_000 })),
    );
    room.command("start");
    room.until("completed", 60);
    room.command("roll-back");
    room.run(2);
    assert.equal(room.in("rolling-back").length, 500);
    room.until("rolled-back", 60);
  });
});

test("a growing rate doubles", () => {
  const room = new RolloutRoom(
    { rate: { perMinute: 6, factor: 2, every: 6 } },
    fleet(100, () => ({ takesMs: 500 })),
  );
  room.command("start");
  const after = [60, 30, 15].map((seconds) => {
    room.run(seconds);
    return room.pushes.size;
  });
  assert.deepEqual(after, [6, 12, 18]);
});

test("devices are changed within their hours only", () => {
  const room = new RolloutRoom(
    { hours: { between: ["22:00-06:00"] } },
    fleet(3, (index) => ({ minuteOfDay: [1_330, 720, 30][index] as number })),
  );
  room.command("start");
  room.run(60);
  assert.deepEqual(room.in("confirmed").toSorted(), ["pi-0", "pi-2"]);
  assert.match(room.waits ?? "", /outside of the hours in which they may be changed \(pi-1; since/u);
});

test("a device that failed is tried again as often as the file says, and by hand", () => {
  const room = new RolloutRoom(
    { retries: 2, onFailure: { action: "pause" } },
    fleet(1, () => BAD),
  );
  room.command("start");
  room.until("halted");
  assert.deepEqual(room.pushes.get("pi-0"), ["give 1", "give 2", "give 3"]);
  room.command("retry");
  room.until("halted");
  assert.equal(room.pushes.get("pi-0")?.length, 4);
});

test("a rollout that was stopped and is tried again goes no further than a person says", () => {
  let isGood = false;
  const first: PretendedDevice = {
    takesMs: 2_000,
    get outcome() {
      return isGood ? "window" : "failed";
    },
  };
  const room = new RolloutRoom(
    { waves: [{ percent: "50%" }], onFailure: { action: "stop" } },
    fleet(2, () => first),
  );
  room.command("start");
  room.until("stopped");
  isGood = true;
  room.command("retry");
  room.run(60);
  assert.deepEqual([room.phase, room.in("confirmed").length, room.in("pending").length], ["running", 1, 1]);
  assert.match(room.waits ?? "", /^wave 2 waits for an approval/u);
  room.command("approve");
  room.until("completed");
});

void describe("resumed after a conflict", () => {
  const conflicted = (action: string, phase: string): RolloutRoom => {
    const room = new RolloutRoom(
      { waves: [{ count: 2 }], onFailure: { action, rate: { perMinute: 6 } } },
      fleet(4, () => BAD),
    );
    room.command("start");
    room.until(phase);
    room.run(1);
    const { rollout, nowMs } = room;
    room.rollout = { ...rollout, state: conflictRollout(rollout.state, "an older store", nowMs) };
    return room;
  };

  test("a rollout that was given back goes on with that", () => {
    const room = conflicted("roll-back", "rolling-back");
    room.command("resume");
    room.until("rolled-back");
    assert.equal(room.in("rolled-back").length, 2);
  });

  test("one whose wave has failed does not stand still: it is to be given back, or stopped", () => {
    const room = conflicted("pause", "halted");
    assert.throws(() => room.command("resume"), { code: "precondition-failed", hint: /roll back, or stop/u });
    room.command("roll-back");
    room.until("rolled-back");
  });
});

void describe("commands that make no sense", () => {
  const cases = [
    ["planned", "pause", /the rollout is planned: pause makes no sense now/u],
    ["running", "start", /the rollout is running: start makes no sense now/u],
    ["running", "approve", /the rollout is running: approve makes no sense now/u],
    ["planned", "roll-back", /the rollout is planned: rollback makes no sense now/u],
    ["running", "retry", /the rollout is running: retry makes no sense now/u],
  ] as const;
  for (const [phase, command, message] of cases) {
    test(`${command} while it is ${phase}`, () => {
      const room = new RolloutRoom({}, fleet(1));
      if (phase === "running") room.command("start");
      room.run(1);
      assert.throws(
        () => room.command(command),
        (thrown) => thrown instanceof MpoError && thrown.code === "precondition-failed" && message.test(thrown.message),
      );
    });
  }
});

const deviceKinds = fc.constantFrom<PretendedDevice>(
  {},
  { outcome: "failed", takesMs: 4_000 },
  { outcome: "refused", takesMs: 2_000 },
  { outcome: "superseded", takesMs: 2_000 },
  { takesMs: 90_000 },
  { isOnline: () => false },
  { isOnline: (atMs) => Math.floor(atMs / 50_000) % 2 === 0 },
  { servesWell: false, group: "berlin" },
  { group: "berlin" },
  { group: "hamburg" },
);

test("whatever happens: no device twice for one attempt, no wave before the one before it, budgets kept", () => {
  fc.assert(
    fc.property(
      fc.array(deviceKinds, { minLength: 1, maxLength: 30 }),
      fc.record({
        waves: fc.uniqueArray(fc.integer({ min: 5, max: 100 }), { maxLength: 4 }),
        action: fc.constantFrom("pause", "stop", "roll-back"),
        retries: fc.integer({ min: 0, max: 2 }),
        isLimited: fc.boolean(),
        perMinute: fc.constantFrom(undefined, 30),
      }),
      fc.infiniteStream(fc.boolean()),
      fc.array(fc.constantFrom("pause", "resume", "next", "stop", "roll-back", "retry"), { maxLength: 6 }),
      (devices, options, lost, commands) => {
        const { waves, action, retries, isLimited, perMinute } = options;
        const all = fleet(devices.length, (index) => devices[index] as PretendedDevice);
        const percents = waves.toSorted((left, right) => left - right).filter((one) => devices.length * one >= 100);
        const room = attempt(() => {
          return new RolloutRoom(
            {
              ...{ retries, onFailure: { action }, timeouts: { device: "2min" } },
              waves: percents.map((percent) => ({ percent: `${percent}%` })),
              ...(isLimited ? { disruption: { by: "site", maxUnavailable: 2 } } : {}),
              ...(perMinute === undefined ? {} : { rate: { perMinute } }),
            },
            all,
          );
        });
        // Two shares may mean the same devices: such a file is refused.
        if (room === undefined) return;
        room.isLost = () => lost.next().value === true;
        room.command("start");
        for (const command of ["", ...commands]) {
          if (command !== "") attempt(() => room.command(command as "pause"));
          for (let second = 0; second < 150; second++) {
            room.run(1);
            check(room, all, isLimited);
          }
        }
      },
    ),
    { numRuns: 60, seed: 15 },
  );
});

void describe("a turn that cannot be made is over", () => {
  const cases = [
    { state: "in-progress", phase: "running", becomes: "failed", message: "no profile" },
    { state: "rolling-back", phase: "rolling-back", becomes: "failed", message: "could not go back: no profile" },
  ] as const;
  for (const { state, phase, becomes, message } of cases) {
    test(state, () => {
      const { rollout } = new RolloutRoom({ onFailure: { action: "pause" } }, { "pi-1": {} });
      const [device] = rollout.devices as [DeviceProgress];
      const devices = [{ ...device, state, attempts: 1 }];
      const facts = { isOnline: true, servesWell: true, group: "", minuteOfDay: 0, outcome: "failed" } as const;
      const { changed } = stepRollout(
        { ...rollout, state: { ...rollout.state, phase }, devices },
        { nowMs: ROLLOUT_START_MS, groups: () => new Map(), of: () => ({ ...facts, message: "no profile" }) },
      );
      assert.deepEqual([changed[0]?.state, changed[0]?.message], [becomes, message]);
    });
  }
});

function check(room: RolloutRoom, all: Readonly<Record<string, PretendedDevice>>, isLimited: boolean): void {
  const { state, devices } = room.rollout;
  for (const pushes of room.pushes.values()) assert.equal(new Set(pushes).size, pushes.length);
  for (const { wave, attempts } of devices) {
    if (attempts > 0)
      assert.notEqual(state.waves[wave]?.startedAtMs, undefined, "a device was changed before its wave");
  }
  for (const [index, wave] of state.waves.entries()) {
    if (index === 0 || wave.startedAtMs === undefined) continue;
    assert.notEqual(state.waves[index - 1]?.startedAtMs, undefined);
  }
  if (!isLimited) return;
  const changing = devices.filter(
    ({ state: one, device }) => one === "in-progress" && all[device]?.servesWell !== false,
  );
  for (const group of ["", "berlin", "hamburg"]) {
    const unavailable = Object.values(all).filter((one) => (one.group ?? "") === group && one.servesWell === false);
    const busy = changing.filter(({ device }) => (all[device]?.group ?? "") === group);
    assert.ok(busy.length === 0 || busy.length + unavailable.length <= 2, `${group}: ${busy.length}`);
  }
}

function attempt<Value>(what: () => Value): Value | undefined {
  try {
    return what();
  } catch (thrown) {
    if (thrown instanceof MpoError) return undefined;
    throw thrown;
  }
}

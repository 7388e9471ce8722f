import type { CommandFacts } from "../rollout/commands.ts";
import {
  commandRollout,
  type DeviceFacts,
  type DeviceProgress,
  divideDevices,
  newRollout,
  type Outcome,
  parseRolloutSpec,
  type Rollout,
  type RolloutAction,
  type RolloutCommand,
  type RolloutFacts,
  stepRollout,
  waitsFor,
  withGiven,
  withHookPassed,
  withMeasurement,
} from "../rollout/index.ts";

/** How a pretended device behaves. */
export interface PretendedDevice {
  readonly outcome?: Outcome;
  readonly takesMs?: number;
  /** Whether it is there at a time. Default: always. */
  readonly isOnline?: (atMs: number) => boolean;
  readonly servesWell?: boolean;
  readonly group?: string;
  readonly minuteOfDay?: number;
  /** What holds it up. */
  readonly trouble?: string;
}

export const ROLLOUT_START_MS = 1_800_000_000_000;

/** A rollout over pretended devices, in seconds that go by at once. */
export class RolloutRoom {
  rollout: Rollout;
  nowMs: number = ROLLOUT_START_MS;
  readonly log: string[] = [];
  /** Documents that each device was given, in order: "give 1", "take-back 1". */
  readonly pushes = new Map<string, string[]>();
  /** What a gate measures; undefined: nothing. */
  measure: (gate: string) => number | undefined = () => 1;
  /** What that stands on; undefined: it is not said. */
  sample: number | undefined;
  hookSays = true;
  /** Whether an action is lost before it is done, as when its coordinator ends. */
  isLost: () => boolean = () => false;
  readonly #devices: ReadonlyMap<string, PretendedDevice>;
  /** When the newest document reached its device. */
  readonly #pushedAtMs = new Map<string, number>();

  constructor(file: object, devices: Readonly<Record<string, PretendedDevice>>) {
    this.#devices = new Map(Object.entries(devices));
    const spec = parseRolloutSpec({ name: "trial", model: "cam", change: { rule: {} }, ...file });
    const { waves } = divideDevices(spec, [...this.#devices.keys()], () => true);
    this.rollout = { spec, ...newRollout(waves, () => undefined, this.nowMs) };
  }

  command(command: RolloutCommand, facts: Partial<CommandFacts> = {}): void {
    const { state, changed } = commandRollout(this.rollout, command, {
      ...{ nowMs: this.nowMs, actor: "ada", reason: "" },
      ...facts,
    });
    this.#keep(state, changed);
  }

  /** Lets time go by, a step each second. */
  run(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      const { state, changed, actions } = stepRollout(this.rollout, this.facts());
      this.#keep(state, changed);
      for (const action of actions) if (!this.isLost()) this.#do(action);
      this.nowMs += 1_000;
    }
  }

  /** Runs until the rollout is in a phase, or fails. */
  until(phase: string, mostSeconds = 20_000): void {
    for (let seconds = 0; this.phase !== phase; seconds++) {
      if (seconds > mostSeconds) throw new Error(`it is ${this.phase}, and not ${phase}: ${this.waits}`);
      this.run(1);
    }
  }

  get phase(): string {
    return this.rollout.state.phase;
  }

  get waits(): string | undefined {
    return waitsFor(this.rollout, this.facts());
  }

  /** Names of the devices in a state. */
  in(...states: readonly string[]): readonly string[] {
    return this.rollout.devices.filter(({ state }) => states.includes(state)).map(({ device }) => device);
  }

  facts(): RolloutFacts {
    const groups = new Map<string, { size: number; unavailable: number }>();
    for (const { group = "", servesWell = true } of this.#devices.values()) {
      const { size, unavailable } = groups.get(group) ?? { size: 0, unavailable: 0 };
      groups.set(group, { size: size + 1, unavailable: unavailable + Number(!servesWell) });
    }
    return { nowMs: this.nowMs, groups: () => groups, of: (name) => this.#factsOf(name) };
  }

  #factsOf(name: string): DeviceFacts {
    const device = this.#devices.get(name) ?? {};
    const { outcome = "window", takesMs = 5_000, isOnline = () => true, servesWell = true, group = "" } = device;
    const pushedAtMs = this.#pushedAtMs.get(name) ?? Number.POSITIVE_INFINITY;
    const isTakenBack = this.pushes.get(name)?.at(-1)?.startsWith("take-back") === true;
    const isOver = this.nowMs - pushedAtMs >= takesMs;
    return {
      ...{ isOnline: isOnline(this.nowMs), servesWell, group, minuteOfDay: device.minuteOfDay },
      ...(device.trouble === undefined ? {} : { message: device.trouble }),
      ...(isOver ? (isTakenBack ? { outcome: "applied", message: "" } : { outcome, message: "as pretended" }) : {}),
    };
  }

  #do(action: RolloutAction): void {
    switch (action.kind) {
      case "give":
      case "take-back": {
        const { device, kind, attempt } = action;
        const known = this.pushes.get(device) ?? [];
        // As a coordinator does it: a document is made once for each request.
        if (!known.includes(`${kind} ${attempt}`)) {
          this.pushes.set(device, [...known, `${kind} ${attempt}`]);
          this.#pushedAtMs.set(device, this.nowMs);
        }
        // Its note may be lost, and the push done again.
        if (this.isLost()) return;
        const version = { epoch: 1, version: (this.pushes.get(device)?.indexOf(`${kind} ${attempt}`) ?? 0) + 1 };
        const progress = this.rollout.devices.find((one) => one.device === device) as DeviceProgress;
        this.#keep(this.rollout.state, [withGiven(progress, version)]);
        return;
      }
      case "measure": {
        const { nowMs: atMs, sample } = this;
        const measured = { atMs, sample, value: this.measure(action.gate), message: "as pretended" };
        this.#keep(withMeasurement(this.rollout.spec, this.rollout.state, action.gate, measured), []);
        return;
      }
      case "hook":
        if (this.hookSays) this.#keep(withHookPassed(this.rollout.state), []);
        return;
      case "log":
        this.log.push(`${action.event}: ${action.message}`);
    }
  }

  #keep(state: Rollout["state"], changed: readonly DeviceProgress[]): void {
    const byName = new Map(changed.map((device) => [device.device, device]));
    const devices = this.rollout.devices.map((device) => byName.get(device.device) ?? device);
    this.rollout = { ...this.rollout, state, devices };
  }
}

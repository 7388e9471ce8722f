import { BEHAVIOURS, type Behaviour } from "./light-device.ts";

export interface Rule {
  readonly objective?: string;
  readonly memory?: string;
  readonly window?: string;
}

/** A rollout and its devices, as a seed draws them. */
export interface DrawnRollout {
  /** As a file has it. */
  readonly spec: { readonly name: string } & Readonly<Record<string, unknown>>;
  readonly behaviours: readonly Behaviour[];
  /** What its devices may spend under it. */
  readonly rule: Rule;
  /** Phases in which it may come to rest. */
  readonly ends: readonly string[];
  /** In a second, that somebody pauses it, or changes a device by hand. */
  readonly pauseChance: number;
  readonly pushChance: number;
}

const BROKEN: readonly Behaviour[] = BEHAVIOURS.filter((one) => one !== "good");
const BROKEN_SHARE = 0.1;
/** The accuracy of a wave is judged by the windows of its devices. */
const ACCURACY_GATE = { name: "accuracy", metric: "accuracy-drop", failure: "> 2%", interval: "10s", count: 3 };

/** Draws a rollout; the same draws give the same. */
export function drawRollout(
  random: () => number,
  { devices, isCalm }: { readonly devices: number | undefined; readonly isCalm: boolean },
): DrawnRollout {
  const oneOf = <const T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const count = devices ?? 30 + Math.floor(random() * 31);
  const isBroken = random() < 0.75;
  const behaviours = Array.from({ length: count }, (): Behaviour => {
    return isBroken && random() < BROKEN_SHARE ? oneOf(...BROKEN) : "good";
  });
  // A few out of so few may be none.
  if (isBroken && !behaviours.some((one) => BROKEN.includes(one)))
    behaviours[Math.floor(random() * count)] = oneOf(...BROKEN);
  const action = oneOf("roll-back", "roll-back", "pause", "stop");
  const dwell = oneOf("30s", "1min");
  const first = Math.ceil(count / oneOf(16, 8));
  const rule = oneOf<Rule>({ objective: "time" }, { memory: "50MiB" }, { memory: "9MiB" }, { window: "2s" });
  const spec = {
    name: "trial",
    model: "tiny",
    change: { rule },
    waves: [
      { count: first, dwell, approval: oneOf("automatic", "automatic", "manual") },
      { percent: oneOf("50%", "70%"), dwell },
    ],
    confirm: oneOf("applied", "checked", "checked", "window"),
    success: oneOf("95%", "95%", "70%"),
    gates: isBroken ? [ACCURACY_GATE] : [],
    timeouts: { device: "10min", offline: "20min" },
    retries: oneOf(0, 0, 1),
    onFailure: { action, order: oneOf("newest-first", "oldest-first") },
    ...oneOf({}, { disruption: { by: "site", maxUnavailable: oneOf(2, 4) } }),
    ...oneOf({}, {}, { rate: { perMinute: oneOf(30, 120) } }),
  };
  const isMeddled = !isCalm && random() < 0.3;
  return {
    ...{ spec, rule },
    behaviours,
    ends: isBroken
      ? ["completed", "rolled-back", "stopped"]
      : isCalm
        ? ["completed"]
        : ["completed", "rolled-back", "stopped"],
    pauseChance: isMeddled ? 0.003 : 0,
    pushChance: isMeddled ? 0.01 : 0,
  };
}

import type { Files, Stop } from "../command-context.ts";

/** What a machine is to be: the checks that are made depend on it. */
export const ROLES = ["agent", "coordinator"] as const;
export type Role = (typeof ROLES)[number];

/** What a check found, and what to do about it. */
export interface Finding {
  /** `broken`: what needs it cannot work. `warning`: it works, but less well. */
  readonly state: "ok" | "warning" | "broken";
  readonly found: string;
  /** What to do; absent where there is nothing to do. */
  readonly fix?: string;
}

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  readonly neededBy: readonly Role[];
  /** Finds out. What it throws is a finding too: broken. */
  run(): Promise<Finding>;
}

export type DoctorContext = Pick<Files, "environment"> &
  Stop & {
    /** Where `/proc` and `/sys` are. */
    readonly systemRoot: string;
  };

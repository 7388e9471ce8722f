import { asLine, type Condition, MAX_CONDITIONS } from "@mpo/protocol";

/** Something wrong, as it is found now. */
export interface Finding {
  readonly code: Condition["code"];
  /** Which one of its kind: a model, a path; empty: there is one only. */
  readonly subject: string;
  readonly message: string;
  /** What is over within this time needs no look; default: the code's own. */
  readonly graceMs?: number;
}

const GRACE_MS: Partial<Record<Condition["code"], number>> = {
  "nats-unconnected": 60_000,
  "report-pending": 60_000,
  "probe-waits": 60_000,
};

/** Remembers since when what is wrong is wrong. */
export class Conditions {
  #since = new Map<string, number>();

  /** The conditions that stand, of all that is found now. What is found no more is over. */
  update(findings: readonly Finding[], nowMs: number): readonly Condition[] {
    const since = new Map<string, number>();
    const standing = findings.flatMap(
      ({ code, subject, message, graceMs = GRACE_MS[code] ?? 0 }): readonly Condition[] => {
        const key = `${code} ${subject}`;
        const sinceMs = this.#since.get(key) ?? Math.max(0, Math.round(nowMs));
        since.set(key, sinceMs);
        return nowMs - sinceMs < graceMs ? [] : [{ code, sinceMs, message: asLine(message) }];
      },
    );
    this.#since = since;
    return standing.slice(0, MAX_CONDITIONS);
  }
}

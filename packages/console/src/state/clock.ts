import { type ReadonlySignal, signal } from "@preact/signals";

let aheadMs = 0;
const moment = signal(Date.now());

/** The coordinator's time, as well as it is known here; ages are shown by it. It moves in steps. */
export const now: ReadonlySignal<number> = moment;

const STEP_MS = 5_000;

export function serverNow(): number {
  return Date.now() + aheadMs;
}

/** The clock of the coordinator, where an answer says it. */
export function heardServerTime(answer: unknown): void {
  if (typeof answer !== "object" || answer === null || !("serverTimeMs" in answer)) return;
  if (typeof answer.serverTimeMs !== "number") return;
  aheadMs = answer.serverTimeMs - Date.now();
  if (Math.abs(serverNow() - moment.peek()) > STEP_MS) moment.value = serverNow();
}

/** For as long as the page is open. */
export function startClock(): () => void {
  const timer = setInterval(() => {
    moment.value = serverNow();
  }, STEP_MS);
  return () => clearInterval(timer);
}

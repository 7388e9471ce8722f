import type { Clock } from "@mpo/io";
import type { LogFields, Logger } from "@mpo/runtime";

/** Warns of what others cause, who may do so as often as they like. */
export type SayRarely = (message: string, fields: LogFields) => void;

const EVERY_MS = 60_000;

/** Each message once a minute at most, with how often it was not said. */
export function sayRarely(logger: Logger, clock: Clock): SayRarely {
  const said = new Map<string, { atMs: number; times: number }>();
  return (message, fields) => {
    const last = said.get(message) ?? { atMs: Number.NEGATIVE_INFINITY, times: 0 };
    last.times++;
    said.set(message, last);
    if (clock.monotonicMs() - last.atMs < EVERY_MS) return;
    last.atMs = clock.monotonicMs();
    logger.warn(message, { ...fields, times: last.times });
  };
}

import { type Fact, fact } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { type FilePlace, keepStored, readStored } from "./stored-file.ts";

const FILE = "trusted-time";
const timeSchema = fact.object({ floorMs: fact.timestampMs() });

/** A server's time is believed for this long without another; then the machine's own clock has drifted less. */
const BELIEVED_FOR_MS = 24 * 3_600_000;
/** A clock that is further off has to be looked at. */
const WRONG_CLOCK_MS = 60_000;
/** Flash wears: what was heard is written down this seldom, and when the agent stops. */
const WRITTEN_EVERY_MS = 600_000;

/** A moment, and what the monotonic clock said then. */
interface Heard {
  readonly ms: number;
  readonly atMs: number;
}

/**
 * The best known time of day. Boards without a battery start in 1970 and their clocks jump when a time server answers:
 * what a coordinator said, carried on by the monotonic clock, does not. It is never before the floor: the latest moment
 * that is known to have passed, which the disk keeps over restarts. The machine's own clock never raises that, so that
 * one which was ahead for a while does no lasting harm.
 */
export class TrustedTime {
  readonly #clock: Clock;
  readonly #place: FilePlace;
  #floor: Heard;
  #writtenMs: number;
  #heard: Heard | undefined;
  #isWrong = false;

  private constructor(clock: Clock, place: FilePlace, floorMs: number, writtenMs: number) {
    this.#clock = clock;
    this.#place = place;
    this.#floor = { ms: floorMs, atMs: clock.monotonicMs() };
    this.#writtenMs = writtenMs;
  }

  /** Reads what the last process knew. `pastMs`: other moments that have passed, such as the agent's release. */
  static async open(
    { clock, ...place }: FilePlace & { readonly clock: Clock },
    pastMs: readonly number[],
  ): Promise<TrustedTime> {
    const stored: Fact<typeof timeSchema> | undefined = await readStored(place, FILE, timeSchema);
    const writtenMs = stored?.floorMs ?? 0;
    const time = new TrustedTime(clock, place, Math.max(writtenMs, ...pastMs), writtenMs);
    time.#look();
    return time;
  }

  /** Takes the coordinator's time from an answer that came just now. */
  async heard(serverTimeMs: number): Promise<void> {
    this.#heard = { ms: serverTimeMs, atMs: this.#clock.monotonicMs() };
    this.hasPassed(serverTimeMs);
    this.#look();
    if (this.floorMs - this.#writtenMs >= WRITTEN_EVERY_MS) await this.keep();
  }

  /** Takes a moment that has passed, such as a signed document's issue. */
  hasPassed(ms: number): void {
    if (ms > this.floorMs) this.#floor = { ms, atMs: this.#clock.monotonicMs() };
  }

  /** Writes the floor down. */
  async keep(): Promise<void> {
    const floorMs = Math.round(this.floorMs);
    if (floorMs > this.#writtenMs && (await keepStored(this.#place, FILE, { floorMs }))) this.#writtenMs = floorMs;
  }

  /** It is later than this, whatever the clocks say: milliseconds since 1970-01-01 UTC. */
  get floorMs(): number {
    return this.#carried(this.#floor);
  }

  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number {
    return Math.max(this.floorMs, this.#believedMs ?? this.#clock.now());
  }

  /** What is wrong with the machine's clock, in words; undefined: nothing that is known. */
  get problem(): string | undefined {
    const now = this.#clock.now();
    const believedMs = this.#believedMs;
    if (believedMs === undefined) {
      if (now >= this.floorMs - WRONG_CLOCK_MS) return undefined;
      return `its clock says ${utc(now)}, but it is later than ${utc(this.floorMs)}`;
    }
    const skewMs = now - believedMs;
    if (Math.abs(skewMs) <= WRONG_CLOCK_MS) return undefined;
    return `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "ahead of" : "behind"} the coordinator's`;
  }

  /** What the coordinator's clock says; undefined: it was not heard, or too long ago. */
  get #believedMs(): number | undefined {
    if (this.#heard === undefined) return undefined;
    return this.#clock.monotonicMs() - this.#heard.atMs > BELIEVED_FOR_MS ? undefined : this.#carried(this.#heard);
  }

  #carried({ ms, atMs }: Heard): number {
    return ms + this.#clock.monotonicMs() - atMs;
  }

  /** Logs once that the clock is wrong, and that it is right again. */
  #look(): void {
    const { problem } = this;
    if ((problem !== undefined) === this.#isWrong) return;
    this.#isWrong = problem !== undefined;
    if (problem === undefined) this.#place.logger.info("the machine's clock is right again");
    else
      this.#place.logger.warn(problem, {
        hint: "Set the clock (timedatectl set-ntp true): nothing that is dated waits for it.",
      });
  }
}

function utc(ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString();
}

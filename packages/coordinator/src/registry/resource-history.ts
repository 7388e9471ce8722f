import type { ResourcePoint } from "@mpo/protocol";
import type { SeenRecord } from "./device-record.ts";

/** What one point stands for. A day is seen at a glance in as many points as are kept. */
export const SLOT_MS = 300_000;
const MOST_POINTS = 288;
/** Slot, memory, load and temperature, each as a number of 4 bytes: of 10,000 devices some 46 MB in all. */
const FIELDS = 4;
const FIRST_POINTS = 12;
/** Devices that are gone are forgotten once there are so many more than are known. */
const SPARE_DEVICES = 500;

/** How devices have fared for a day, in memory: of each five minutes the least memory, and the most load and heat. */
export class ResourceHistory {
  readonly #series = new Map<string, Series>();
  readonly #isKnown: (key: string) => boolean;
  #forgetAt = SPARE_DEVICES;

  /** `isKnown`: whether a device is still part of the fleet. */
  constructor(isKnown: (key: string) => boolean) {
    this.#isKnown = isKnown;
  }

  note(key: string, { resources, lastSeenMs }: SeenRecord): void {
    const found = this.#series.get(key) ?? new Series();
    if (found.length === 0) {
      this.#series.set(key, found);
      if (this.#series.size > this.#forgetAt) this.#forgetGone();
    }
    const { memoryAvailableBytes, loadAverage, temperatureCelsius = Number.NaN } = resources;
    found.add(Math.floor(lastSeenMs / SLOT_MS), memoryAvailableBytes, loadAverage, temperatureCelsius);
  }

  /** Oldest first. */
  of(key: string): readonly ResourcePoint[] {
    return this.#series.get(key)?.points() ?? [];
  }

  #forgetGone(): void {
    for (const key of this.#series.keys()) if (!this.#isKnown(key)) this.#series.delete(key);
    this.#forgetAt = this.#series.size + SPARE_DEVICES;
  }
}

/** The newest points of one device; grows up to its bound. */
class Series {
  #values = new Float32Array(FIELDS * FIRST_POINTS);
  length = 0;

  add(slot: number, memory: number, load: number, heat: number): void {
    const last = FIELDS * (this.length - 1);
    const newest = this.#values[last] ?? -1;
    // Of a coordinator whose clock is behind.
    if (this.length > 0 && slot < newest) return;
    if (this.length > 0 && slot === newest) {
      const [, least = 0, most = 0, hottest = Number.NaN] = this.#values.subarray(last, last + FIELDS);
      const hotter = Number.isNaN(hottest) || heat > hottest ? heat : hottest;
      this.#values.set([slot, Math.min(least, memory), Math.max(most, load), hotter], last);
      return;
    }
    if (this.length === MOST_POINTS) {
      this.#values.copyWithin(0, FIELDS);
      this.length -= 1;
    } else if (FIELDS * this.length === this.#values.length) {
      const larger = new Float32Array(FIELDS * Math.min(MOST_POINTS, 2 * this.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set([slot, memory, load, heat], FIELDS * this.length);
    this.length += 1;
  }

  points(): readonly ResourcePoint[] {
    return Array.from({ length: this.length }, (_, index) => {
      const at = FIELDS * index;
      const [slot = 0, memory = 0, load = 0, heat = Number.NaN] = this.#values.subarray(at, at + FIELDS);
      return {
        fromMs: slot * SLOT_MS,
        memoryAvailableBytes: Math.round(memory),
        loadAverage: rounded(load),
        ...(Number.isNaN(heat) ? {} : { temperatureCelsius: rounded(heat) }),
      };
    });
  }
}

/** Without what four bytes add to a fraction. */
function rounded(value: number): number {
  return Math.round(100 * value) / 100;
}

import type { RetrainConfig } from "@mpo/core";

/** Configs that wait to be measured, the most valuable first. */
export class StepQueue {
  #waiting: readonly RetrainConfig[];

  constructor(configs: readonly RetrainConfig[]) {
    this.#waiting = configs;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Takes the first configs, `most` of them, whose runs fit the time together. What would not fit on its own now will not
   * later either and is dropped.
   */
  take(most: number, leftMs: number, runMs: (config: RetrainConfig) => number): readonly RetrainConfig[] {
    this.#waiting = this.#waiting.filter((config) => runMs(config) <= leftMs);
    const taken: RetrainConfig[] = [];
    let left = leftMs;
    for (const config of this.#waiting) {
      if (taken.length === most) break;
      left -= runMs(config);
      if (left < 0) break;
      taken.push(config);
    }
    this.#waiting = this.#waiting.filter((config) => !taken.includes(config));
    return taken;
  }
}

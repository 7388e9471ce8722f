/** What waits to be measured, the most valuable first. */
export class StepQueue<Item> {
  #waiting: readonly Item[];

  constructor(items: readonly Item[]) {
    this.#waiting = items;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Takes the first items, `most` of them, whose runs fit the time together. What would not fit on its own now will not
   * later either and is dropped.
   */
  take(most: number, leftMs: number, runMs: (item: Item) => number): readonly Item[] {
    this.#waiting = this.#waiting.filter((item) => runMs(item) <= leftMs);
    const taken: Item[] = [];
    let left = leftMs;
    for (const item of this.#waiting) {
      if (taken.length === most) break;
      left -= runMs(item);
      if (left < 0) break;
      taken.push(item);
    }
    this.#waiting = this.#waiting.filter((item) => !taken.includes(item));
    return taken;
  }
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (thrown: unknown) => void;
}

/** What became of one item of a batch. */
export type ItemResult<Result> = { readonly value: Result } | { readonly thrown: unknown };

/**
 * Work on one value, for many who come at once: what comes while a write is under way is written together with the next.
 * One write after the other would have them wait for a disk each, and writes at once would keep each other from it.
 */
export class Batches<Item, Result> {
  readonly #work: (key: string, items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>;
  readonly #most: number;
  readonly #waiting = new Map<string, Waiting<Item, Result>[]>();

  /** `work` gets at most `most` items of one key, and answers for each. */
  constructor(most: number, work: (key: string, items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>) {
    this.#most = most;
    this.#work = work;
  }

  do(key: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push({ item, resolve, reject });
        return;
      }
      const begun = [{ item, resolve, reject }];
      this.#waiting.set(key, begun);
      void this.#run(key, begun);
    });
  }

  async #run(key: string, waiting: Waiting<Item, Result>[]): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, this.#most);
      const results = await this.#work(
        key,
        batch.map(({ item }) => item),
      ).catch((thrown: unknown) => batch.map(() => ({ thrown })));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result !== undefined && "value" in result) resolve(result.value);
        else reject(result?.thrown);
      }
    }
    this.#waiting.delete(key);
  }
}

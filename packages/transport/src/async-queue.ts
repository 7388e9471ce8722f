export interface AsyncQueueOptions<Item> {
  /** Most items that wait. Default: no limit. */
  readonly maxItems?: number;
  /** Takes the place of everything that waited when one more comes than fits. Needed when there is a limit. */
  readonly onOverflow?: () => Item;
  readonly signal?: AbortSignal;
}

/** Items pushed by one side and read by the other, in order, by one `for await`. */
export class AsyncQueue<Item> implements AsyncIterable<Item> {
  #items: Item[] = [];
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  readonly #options: AsyncQueueOptions<Item>;
  readonly #onAbort = (): void => this.end();

  constructor(options: AsyncQueueOptions<Item> = {}) {
    this.#options = options;
    if (options.signal?.aborted) this.#isEnded = true;
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Adds an item; does nothing after the end. */
  push(item: Item): void {
    if (this.#isEnded) return;
    const { maxItems, onOverflow } = this.#options;
    if (maxItems !== undefined && onOverflow !== undefined && this.#items.length >= maxItems) {
      this.#items = [onOverflow()];
    }
    this.#items.push(item);
    this.#wake?.();
  }

  /** Ends it: what waits is thrown away, the reader's loop ends. */
  end(): void {
    this.#finish();
    this.#items = [];
  }

  /** Ends it after what waits; the reader's loop then throws. */
  fail(error: unknown): void {
    if (this.#isEnded) return;
    this.#failure = { error };
    this.#finish();
  }

  #finish(): void {
    this.#isEnded = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    try {
      for (;;) {
        while (this.#items.length > 0) yield this.#items.shift() as Item;
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.end();
    }
  }
}

/** Who wants to hear of something. One who listens twice hears everything twice. */
export class Listeners<Heard extends readonly unknown[] = []> {
  readonly #all = new Set<(...heard: Heard) => void>();

  /** Calls a listener each time, until the function that it returns is called. */
  add(listener: (...heard: Heard) => void): () => void {
    const own = (...heard: Heard): void => listener(...heard);
    this.#all.add(own);
    return () => this.#all.delete(own);
  }

  call(...heard: Heard): void {
    for (const listener of this.#all) listener(...heard);
  }
}

import type { Service } from "@mpo/runtime";

interface PartWork {
  /** `ended` settles when the part ends by itself; a part without it never does. */
  start(signal: AbortSignal): Promise<{ readonly ended: Promise<void> } | undefined>;
  stop(): Promise<void>;
}

/** A service that is made when it starts. */
export class Part implements Service {
  readonly name: string;
  readonly ended: Promise<void>;
  readonly #work: PartWork;
  #settle: (ended: Promise<void>) => void = () => undefined;

  constructor(name: string, work: PartWork) {
    this.name = name;
    this.#work = work;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  async start({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const started = await this.#work.start(signal);
    if (started !== undefined) this.#settle(started.ended);
  }

  async stop(): Promise<void> {
    await this.#work.stop();
  }
}

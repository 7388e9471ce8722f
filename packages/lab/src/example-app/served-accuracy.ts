/** What was served under the same conditions. */
export interface ServedPhase {
  readonly isDrifted: boolean;
  /** Of the retrained model that served; 0: the model as deployed. */
  readonly version: number;
  readonly images: number;
  /** Images that were predicted rightly. The agent never learns this. */
  readonly right: number;
}

/** Counts right answers, apart for each model and for inputs before and after the drift. */
export class ServedAccuracy {
  readonly #phases: ServedPhase[] = [];

  /** In order of time. */
  get phases(): readonly ServedPhase[] {
    return this.#phases;
  }

  add({ isDrifted, version, images, right }: ServedPhase): void {
    const index = this.#phases.findIndex((phase) => phase.isDrifted === isDrifted && phase.version === version);
    const before = this.#phases[index];
    if (before === undefined) this.#phases.push({ isDrifted, version, images, right });
    else this.#phases[index] = { ...before, images: before.images + images, right: before.right + right };
  }
}

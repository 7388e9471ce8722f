/** What of jsfive is used here; it has no types of its own. */
declare module "jsfive" {
  export class Dataset {
    readonly shape: readonly number[];
    /** For example "<f4"; an array for strings. */
    readonly dtype: unknown;
    readonly value: ArrayLike<number>;
  }
  export class Group {
    readonly keys: readonly string[];
    readonly attrs: Readonly<Record<string, unknown>>;
    get(name: string): Group | Dataset;
  }
  export class File extends Group {
    constructor(bytes: ArrayBuffer, name: string);
  }
}

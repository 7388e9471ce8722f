/** Writes a line, and calls back when it is written, or with the error. May throw. */
export type LineWriter = (line: string, done: (error?: Error | null) => void) => unknown;

/** Lines that may be lost on their way. */
export interface TolerantWriter {
  write(line: string): void;
  /** Whether the last line could not be written. */
  readonly isFailing: boolean;
}

/**
 * Writes lines to a target that may fail: a log's reader may go away, or its disk be full, which is no reason
 * to end. Such lines are dropped. Once a line can be written again, `onRecovered` is called with how many ever were.
 */
export function tolerantWriter(write: LineWriter, onRecovered: (lostEver: number) => void): TolerantWriter {
  let isFailing = false;
  let lost = 0;
  let reported = 0;
  const done = (error?: Error | null): void => {
    isFailing = error !== undefined && error !== null;
    if (isFailing) lost += 1;
    else if (lost > reported) {
      reported = lost;
      onRecovered(lost);
    }
  };
  return {
    write: (line) => {
      try {
        write(line, done);
      } catch (thrown) {
        done(thrown as Error);
      }
    },
    get isFailing() {
      return isFailing;
    },
  };
}

import { SECOND_MS } from "@mpo/core";
import { SingleBar } from "cli-progress";
import { formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** A bar on the screen while long work runs; where there is no screen it draws nothing. End it in a `finally`. */
export interface Progress {
  /** `done` steps of the total, and a few facts to show behind the bar. */
  update(done: number, facts: string): void;
  /** Prints a line above the bar. */
  note(text: string): void;
  end(): void;
}

export function startProgress(terminal: Terminal, title: string, total: number): Progress {
  if (!terminal.interactive) return { update: () => undefined, note: terminal.note, end: () => undefined };
  const bar = new SingleBar({
    format: `${title} {bar} {value}/{total}  {left} left  {facts}`,
    // The bar's own type asks for a stream of Node; it only writes to it.
    stream: process.stderr,
    hideCursor: null,
    barsize: 24,
    fps: 4,
    linewrap: false,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  const began = performance.now();
  let start = 0;
  let last = { done: 0, facts: "" };
  const shown = (done: number, facts: string): object => {
    const perStep = (performance.now() - began) / Math.max(1, done - start);
    return { facts, left: done > start ? formatDuration((perStep * (total - done)) / SECOND_MS) : "?" };
  };
  bar.start(total, 0, shown(0, ""));
  return {
    update: (done, facts) => {
      if (last.done === 0 && start === 0 && done > 1) start = done - 1;
      last = { done, facts };
      bar.update(done, shown(done, facts));
    },
    note: (text) => {
      bar.stop();
      terminal.note(text);
      bar.start(total, last.done, shown(last.done, last.facts));
    },
    end: () => bar.stop(),
  };
}

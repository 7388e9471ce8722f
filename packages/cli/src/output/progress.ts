import { formatDuration, SECOND_MS } from "@mpo/core";
import { SingleBar } from "cli-progress";
import type { Terminal } from "./terminal.ts";

/** A bar on the screen while long work runs; where there is no screen, a line now and then. End it in a `finally`. */
export interface Progress {
  /** `done` steps of the total, and a few facts to show after the bar. */
  update(done: number, facts: string): void;
  /** Prints a line above the bar. */
  note(text: string): void;
  end(): void;
}

export function startProgress(terminal: Terminal, title: string, total: number): Progress {
  if (!terminal.interactive) return linesOfProgress(terminal, title, total);
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

/** Between two lines where no bar can be drawn: in a pipe, in a log. */
const LINE_EVERY_MS = 15_000;

/** A line now and then, with the time that is left. */
function linesOfProgress(terminal: Terminal, title: string, total: number): Progress {
  const began = performance.now();
  let lastMs = began;
  let start: number | undefined;
  return {
    update: (done, facts) => {
      start ??= done - 1;
      const now = performance.now();
      if (now - lastMs < LINE_EVERY_MS) return;
      lastMs = now;
      const left = ((now - began) / (done - start)) * (total - done);
      terminal.note(`${title}: ${done} of ${total} steps, ${formatDuration(left / SECOND_MS)} left, ${facts}`);
    },
    note: terminal.note,
    end: () => undefined,
  };
}

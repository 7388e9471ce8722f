import { MpoError } from "@mpo/core";
import { Waits } from "@mpo/runtime";
import type { AgentPorts } from "../core/agent-ports.ts";
import type { Finding } from "../core/conditions.ts";

type TroublePorts = Pick<AgentPorts, "clock" | "logger" | "random" | "serving">;

/** Inputs that have stopped for so long, and for so many times the longest pause before, are missed. */
const SILENT_MS = 3_600_000;
const SILENT_PAUSES = 3;
/** Whether what is retrained can be written is tried again so soon after it could not, seldomer and seldomer. */
const WRITE_AGAIN = { baseMs: 60_000, capMs: 3_600_000 };

interface Pace {
  /** Where the newest input is in their order; "": none has come yet. */
  readonly cursor: string;
  readonly sinceMs: number;
  readonly longestPauseMs: number;
}

interface Unwritable {
  readonly message: string;
  readonly waits: Waits;
  readonly untilMs: number;
}

/** What keeps the work from models: each has its own, and the others continue. */
export class WorkTroubles {
  readonly #ports: TroublePorts;
  /** Models whose inputs could not be read, and why. */
  readonly #unread = new Map<string, string>();
  /** How the inputs of models come. */
  readonly #paces = new Map<string, Pace>();
  /** Models whose retraining waits for inputs. */
  readonly #short = new Set<string>();
  /** Models whose retrained weights could not be written. */
  readonly #unwritable = new Map<string, Unwritable>();

  constructor(ports: TroublePorts) {
    this.#ports = ports;
  }

  /** Only what is served can be in trouble. */
  serves(models: readonly string[]): void {
    for (const troubles of [this.#unread, this.#paces, this.#unwritable])
      for (const model of troubles.keys()) if (!models.includes(model)) troubles.delete(model);
  }

  /** Looks at a model's inputs. False, and logged once, when they cannot be read. */
  async looking(model: string, look: () => Promise<boolean>): Promise<boolean> {
    try {
      const hasNews = await look();
      this.#unread.delete(model);
      return hasNews;
    } catch (thrown) {
      const { code, message } = MpoError.from(thrown);
      if (code === "cancelled") throw thrown;
      if (this.#unread.get(model) !== message) {
        this.#ports.logger.warn("a model's inputs cannot be looked at", { model, message });
      }
      this.#unread.set(model, message);
      return false;
    }
  }

  /** Takes where the newest input of a model is, as often as it was looked at. */
  looked(model: string, cursor: string): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const before = this.#paces.get(model);
    if (cursor === before?.cursor) return;
    // The first look finds what came before this process: no pause of the program's.
    const pauseMs = before === undefined || before.cursor === "" ? 0 : nowMs - before.sinceMs;
    const longestPauseMs = Math.max(before?.longestPauseMs ?? 0, pauseMs);
    this.#paces.set(model, { cursor, sinceMs: nowMs, longestPauseMs });
  }

  /** Whether a model has inputs enough to retrain on; when not, it is logged once. */
  isEnough(model: string, count: number, needed: number): boolean {
    if (count >= needed) this.#short.delete(model);
    else if (!this.#short.has(model)) {
      this.#short.add(model);
      this.#ports.logger.info("a retraining waits for more inputs", { model, count, needed });
    }
    return count >= needed;
  }

  /** Whether a retrained model could be written; when not, it is logged, and tried again seldomer and seldomer. */
  async isWritable(model: string): Promise<boolean> {
    const { clock, logger, random, serving } = this.#ports;
    const before = this.#unwritable.get(model);
    if (before !== undefined && clock.monotonicMs() < before.untilMs) return false;
    try {
      await serving.requireWritable(model);
      this.#unwritable.delete(model);
      return true;
    } catch (thrown) {
      const { message } = MpoError.from(thrown);
      if (before?.message !== message) logger.warn("a model is not retrained: it could not be written", { message });
      const waits = before?.waits ?? new Waits({ ...WRITE_AGAIN, random });
      this.#unwritable.set(model, { message, waits, untilMs: clock.monotonicMs() + waits.next() });
      return false;
    }
  }

  /** All of it; `probeWait`: what a due probe waits for. */
  findings(probeWait: string | undefined): readonly Finding[] {
    const { serving } = this.#ports;
    const findings = (code: Finding["code"], found: Iterable<readonly [string, string]>): readonly Finding[] =>
      [...found].map(([subject, message]) => ({ code, subject, message }));
    const silent = [...this.#paces].filter(([model, { cursor }]) => cursor !== "" && !this.#unread.has(model));
    return [
      ...findings("unreadable", this.#unread),
      ...findings(
        "unreadable",
        serving.passedOver().map(({ path, why }) => [path, `${path}: ${why}`]),
      ),
      ...findings(
        "not-writable",
        [...this.#unwritable].map(([model, { message }]) => [model, message]),
      ),
      ...findings(
        "inputs-not-removed",
        serving.crowds().map(({ folder, count }) => [folder, crowded(folder, count)]),
      ),
      ...silent.map(([model, { cursor, longestPauseMs }]): Finding => {
        const message = `${model} had inputs, and none come any more: look at the program that writes them`;
        const graceMs = Math.max(SILENT_MS, SILENT_PAUSES * longestPauseMs);
        return { code: "inputs-silent", subject: `${model} ${cursor}`, message, graceMs };
      }),
      ...(probeWait === undefined ? [] : findings("probe-waits", [["", probeWait]])),
    ];
  }
}

/** In steps: a count that grows is no news. */
function crowded(folder: string, count: number): string {
  const step = 10 ** Math.floor(Math.log10(count));
  return `more than ${Math.floor(count / step) * step - 1} batches lie in ${folder}: the program does not remove them`;
}

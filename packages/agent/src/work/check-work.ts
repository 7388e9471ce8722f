import { chooseRung, formatBytes, formatVersion, hasCode, MpoError, type Prediction, runWindow } from "@mpo/core";
import type { DesiredDocument, Resources, ServedModel, WindowResult } from "@mpo/protocol";
import { Waits } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";
import type { Documents } from "../core/documents.ts";
import { randomName } from "../core/random-name.ts";
import type { CheckResult } from "../ports/agent-engine.ts";
import { checkedSteps, isWithinBounds, slowest, tooSlow, windowResults } from "../window/window-report.ts";
import { allowedRungs, budgetFacts, freeBytesFor, isAllowedNow, methodFor } from "./allowances.ts";
import type { Work } from "./current-work.ts";
import { guarded } from "./guarded-work.ts";
import { checkJob } from "./make-job.ts";
import { QuietWait } from "./quiet-wait.ts";
import { reportWindows } from "./report-windows.ts";

interface CheckParts extends AgentParts {
  readonly documents: Documents;
  readonly onReport: () => void;
}

/** A check that could not be made is tried so often, and then reported. */
const MAX_TRIES = 3;
const TRY_AGAIN = { baseMs: 60_000, capMs: 600_000 };
const NO_TRIES = { version: "", count: 0, untilMs: 0, message: "" };
/** Steps that a check runs, about. */
const STEPS = 4;

/**
 * Checks a document that asks for it, before it is trusted: a few steps of the rung that fits now, in a worker held to
 * the rung's bound. Within it the document is confirmed; over its memory the next cheaper rung is checked. When none is
 * left, or a step is too slow, the device goes back to its last good document by itself.
 */
export class CheckWork {
  readonly #parts: CheckParts;
  readonly #wait: QuietWait;
  /** Tries that said nothing of the document, and when the next one may be made. */
  #tries = NO_TRIES;
  #waits: Waits;

  constructor(parts: CheckParts) {
    this.#parts = parts;
    this.#wait = new QuietWait(
      parts,
      "check",
      Math.min(parts.settings.checkPatienceMs, parts.settings.probePatienceMs),
    );
    this.#waits = new Waits({ ...TRY_AGAIN, random: parts.ports.random });
  }

  /** What a due check waits for; undefined: none waits. */
  get waits(): string | undefined {
    return this.#wait.waits ?? this.#untried;
  }

  /** Of a check that could not be made: what it waits for is its next try, or a person. */
  get #untried(): string | undefined {
    const { document, isConfirmed } = this.#parts.store;
    const { version, message } = this.#tries;
    const isOfIt = message !== "" && document !== undefined && formatVersion(document.version) === version;
    return isOfIt && !isConfirmed ? `a check of ${document.model}, which could not be made: ${message}` : undefined;
  }

  /** The document whose check is due and may begin; `rung`: of it, the one that fits now. */
  due(models: readonly ServedModel[], resources: Resources, rung: number | undefined): DesiredDocument | undefined {
    const { store, ports } = this.#parts;
    const { document } = store;
    if (document?.check !== true || store.isConfirmed || rung === undefined) return this.#notDue();
    const { model, manifestDigest } = document;
    const version = formatVersion(document.version);
    if (this.#tries.version !== version) {
      this.#tries = { ...NO_TRIES, version };
      this.#waits = new Waits({ ...TRY_AGAIN, random: ports.random });
    }
    const isServed = models.some((one) => one.name === model && one.manifestDigest === manifestDigest);
    const isWaiting = this.#tries.count >= MAX_TRIES || ports.clock.monotonicMs() < this.#tries.untilMs;
    if (!isServed || isWaiting || !isAllowedNow(this.#parts, model)) return this.#notDue();
    return this.#wait.memoryFor(model, resources) === undefined ? undefined : document;
  }

  #notDue(): undefined {
    this.#wait.over();
    return undefined;
  }

  /** What a check is, and how long it may take. */
  workOf({ model, rungs }: DesiredDocument): Work {
    const leftMs = this.#parts.settings.probeMs + STEPS * Math.max(...rungs.map(slowest));
    return { kind: "check", model, leftMs };
  }

  async run(document: DesiredDocument, signal: AbortSignal): Promise<void> {
    const { ports, memory } = this.#parts;
    const { model, rungs, chosenRung, budget, version } = document;
    ports.logger.info("a check begins", { model, version });
    const { infeasible } = memory.state;
    const isAllowed = allowedRungs(this.#parts, model);
    const run = await runWindow(
      { rungs, chosenRung, infeasible, isAllowed, windowMs: this.workOf(document).leftMs },
      {
        clock: ports.clock,
        freeBytes: async () => Math.min(await freeBytesFor(this.#parts, model), budget.memoryBytes),
        train: (rung, limits) => this.#measure(document, rung, limits, signal),
      },
      signal,
    );
    this.#wait.over();
    const last = run.tries.at(-1);
    if (signal.aborted || last === undefined) return;
    if (run.infeasible !== infeasible) await memory.change({ infeasible: run.infeasible });
    const about = { name: `c-${randomName(ports.random)}`, model, document: version };
    const results = windowResults(run, about, checkedSteps);
    const end = results.at(-1) as WindowResult;
    const saysNothing = end.outcome !== "checked" && end.outcome !== "over-memory";
    // What went wrong once may have nothing to do with the document.
    const isTriedAgain = saysNothing && this.#isTriedAgain(end);
    await reportWindows(this.#parts, "check", isTriedAgain ? results.slice(0, -1) : results);
    // A published version that cannot be run at all is not what the device should serve.
    const isUseless = end.outcome === "failed" && !isTriedAgain && document.artifact !== undefined;
    if (saysNothing && !isUseless) return;
    const below = { rungs, chosenRung: rungs.indexOf(last.rung) - 1, memoryBytes: budget.memoryBytes };
    const isLast = chooseRung({ ...below, infeasible: run.infeasible, isAllowed }) === undefined;
    let why = isUseless ? end.message : undefined;
    if (end.outcome === "checked") why = tooSlow(end);
    else if (isLast && !isUseless) why = `no rung ran within its memory: ${end.message}`;
    if (isWithinBounds(end)) await this.#parts.documents.confirm(version, rungs.indexOf(last.rung));
    else if (why !== undefined) await this.#parts.documents.giveUp(version, `the check failed: ${why}`);
    this.#parts.onReport();
  }

  /** Throws `over-memory-cap` for a rung that took more than its bound, though its allocator had no more. */
  async #measure(
    { model }: DesiredDocument,
    rung: Prediction,
    { memoryBytes, maxMs }: { readonly memoryBytes: number; readonly maxMs: number },
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const { settings, ports } = this.#parts;
    const { source: folder } = await ports.serving.folders(model);
    const method = methodFor(this.#parts, model, rung);
    const job = checkJob(model, rung, { folder, memoryBytes, maxMs, method });
    const facts = () => budgetFacts(this.#parts, model);
    try {
      const result = await guarded({ settings, ports, facts }, signal, (linked) =>
        ports.engine.check(job, { signal: linked }),
      );
      const { peakBytes = 0 } = result.measured;
      if (peakBytes <= memoryBytes) return result;
      const [took, most] = [formatBytes(peakBytes, Math.ceil), formatBytes(memoryBytes)];
      throw new MpoError("over-memory-cap", `a step took ${took}; at most ${most} were expected`);
    } catch (thrown) {
      // A check is no reason to believe that the memory killer came for what it measured.
      throw hasCode(thrown, "worker-killed") ? thrown.with({ code: "worker-crashed" }) : thrown;
    }
  }

  #isTriedAgain({ message, outcome }: WindowResult): boolean {
    const { clock, logger } = this.#parts.ports;
    const { version, count } = this.#tries;
    const untilMs = clock.monotonicMs() + this.#waits.next();
    this.#tries = { version, count: count + 1, untilMs, message };
    const isAgain = count + 1 < MAX_TRIES;
    logger.warn(isAgain ? "a check could not be made; it is tried again" : "a check could not be made", {
      ...{ version, outcome, message },
    });
    return isAgain;
  }
}

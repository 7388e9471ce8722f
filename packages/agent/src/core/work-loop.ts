import { MpoError } from "@mpo/core";
import type { Inventory, ProbeOrder, Resources, ServedModel } from "@mpo/protocol";
import type { ConfigStore } from "../config/config-store.ts";
import { type BudgetFacts, workBudget } from "../policy/budget-policy.ts";
import { chooseRung, isHopeless } from "../policy/choose-rung.ts";
import { type DueProbe, dueProbe, isIdle, isSameModel, probeDone, probeFailed } from "../policy/probe-schedule.ts";
import type { RetrainOutcome } from "../ports/agent-engine.ts";
import type { Outbox } from "../report/outbox.ts";
import { runWindow } from "../window/run-window.ts";
import { isWithinBounds } from "../window/window-report.ts";
import type { AgentPorts } from "./agent-ports.ts";
import type { AgentSettings } from "./agent-settings.ts";
import type { Documents } from "./documents.ts";
import { DriftWatch } from "./drift-watch.ts";
import { guarded } from "./guarded-work.ts";
import { probeJob, type RungToRun, retrainJob } from "./make-job.ts";
import { Wakeup } from "./wakeup.ts";
import { type WorkState, writeWorkState } from "./work-memory.ts";

/** What the work needs of the agent. */
export interface WorkParts {
  readonly settings: AgentSettings;
  readonly ports: AgentPorts;
  readonly inventory: Inventory;
  readonly store: ConfigStore;
  readonly documents: Documents;
  readonly outbox: Outbox;
  readonly remembered: WorkState;
  /** A report was added. */
  readonly onReport: () => void;
}

/** What the loop is doing. */
export type Doing = "nothing" | "probe" | "window";

/**
 * The work of an agent, one piece at a time: it looks at the machine and the inputs, says which rung fits, and runs
 * probes and windows. It needs no coordinator.
 */
export class WorkLoop {
  readonly #parts: WorkParts;
  readonly #wakeup: Wakeup;
  readonly #drift: DriftWatch;
  readonly #lastWindowMs = new Map<string, number>();
  readonly #wanted = new Set<string>();
  #state: WorkState;
  #orders: readonly ProbeOrder[] = [];
  #rung: number | undefined;
  #dueSinceMs: number | undefined;
  #doing: Doing = "nothing";

  constructor(parts: WorkParts) {
    const { settings, ports, remembered } = parts;
    this.#parts = parts;
    this.#state = remembered;
    this.#wakeup = new Wakeup(ports.clock);
    this.#drift = new DriftWatch(ports.serving, settings.drift, remembered.drift);
  }

  get doing(): Doing {
    return this.#doing;
  }

  /** The rung that fits now, an index of the document's. */
  get rung(): number | undefined {
    return this.#rung;
  }

  /** Probes that the coordinator wants. */
  setOrders(orders: readonly ProbeOrder[]): void {
    this.#orders = orders;
    this.#wakeup.wake();
  }

  /** Opens a window for a model although no drift was noticed. */
  openWindow(model: string): void {
    this.#wanted.add(model);
    this.#wakeup.wake();
  }

  /** Another document is in use: look at once. */
  documentChanged(): void {
    this.#rung = undefined;
    this.#wakeup.wake();
  }

  /** Runs until the signal aborts. What goes wrong is told, and tried again with the next tick. */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, ports } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = MpoError.from(thrown);
        // A crashed disk means a crashed process: the simulation ends here.
        if (error.code === "cancelled") throw error;
        ports.logger.error("the agent's work failed; it goes on", { err: error });
      }
      await this.#wakeup.sleep(settings.tickMs, signal).catch(() => undefined);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { ports } = this.#parts;
    const models = await ports.serving.models();
    let hasNews = false;
    for (const { name } of models) hasNews = (await this.#drift.look(name, ports.clock.now())) || hasNews;
    if (hasNews) await this.#remember({ drift: this.#drift.references });
    const resources = await ports.monitor.resources();
    await this.#walkLadder(resources, models);
    const windowOf = this.#dueWindow();
    if (windowOf !== undefined && (await this.#window(windowOf, models, signal))) return;
    await this.#probe(models, resources, signal);
  }

  /** Says which rung fits the memory that is free now. */
  async #walkLadder(resources: Resources, models: readonly ServedModel[]): Promise<void> {
    const { store, documents } = this.#parts;
    const { document } = store;
    if (document === undefined || !models.some(({ name }) => name === document.model)) return;
    const { rungs, chosenRung, budget } = document;
    const { infeasible } = this.#state;
    if (isHopeless({ rungs, chosenRung, infeasible }, budget.memoryBytes)) {
      await documents.giveUp(document.version, "no rung ran within its memory");
      this.#parts.onReport();
      return;
    }
    const free = workBudget(this.#parts.settings.budget, resources, this.#facts(document.model)).memoryBytes;
    const memoryBytes = Math.min(free, budget.memoryBytes);
    const current = this.#rung === undefined ? {} : { current: this.#rung };
    const rung = chooseRung({ rungs, chosenRung, memoryBytes, infeasible, ...current });
    if (rung === this.#rung && rung !== undefined) return;
    this.#rung = rung;
    await documents.tellRung(rung);
    this.#parts.onReport();
  }

  /** The model whose window is due: the document's, when it drifted or was asked for, and not too soon after the last. */
  #dueWindow(): string | undefined {
    const { store, settings, ports } = this.#parts;
    const model = store.document?.model;
    if (model === undefined || this.#rung === undefined) return undefined;
    if (this.#wanted.has(model)) return model;
    const lastMs = this.#lastWindowMs.get(model);
    const isPaused = lastMs !== undefined && ports.clock.monotonicMs() - lastMs < settings.windowPauseMs;
    return this.#drift.noticed(model) !== undefined && !isPaused ? model : undefined;
  }

  /** Runs a window. False when it could not begin. */
  async #window(model: string, models: readonly ServedModel[], signal: AbortSignal): Promise<boolean> {
    const { store, ports, settings, documents, outbox } = this.#parts;
    const { document } = store;
    const served = models.find(({ name }) => name === model);
    if (document === undefined || served === undefined) return false;
    if (!isSameModel(document.modelDigest, served.digest, this.#state.probes[model])) {
      await documents.giveUp(document.version, `the device serves another ${model} than the document is for`);
      this.#parts.onReport();
      return false;
    }
    const { files, count } = await ports.serving.trainingFiles(model);
    if (count < settings.minTrainingInputs) return false;
    const drift = this.#drift.noticed(model);
    const name = `w-${this.#randomName()}`;
    ports.logger.info("a window opens", { window: name, model, signs: drift?.signs ?? ["asked"] });
    this.#doing = "window";
    try {
      const run = await runWindow(
        { name, document, infeasible: this.#state.infeasible },
        {
          freeBytes: async () => this.#freeBytes(model),
          retrain: (rung, memoryBytes, maxMs) => this.#retrain({ model, files, rung, memoryBytes, maxMs }, signal),
          nowMs: () => ports.clock.now(),
          monotonicMs: () => ports.clock.monotonicMs(),
        },
      );
      if (run.results.length === 0) return false;
      this.#wanted.delete(model);
      this.#lastWindowMs.set(model, ports.clock.monotonicMs());
      if (run.infeasible !== this.#state.infeasible) await this.#remember({ infeasible: run.infeasible });
      if (run.accepted?.stagedFolder !== undefined) await ports.serving.publish(model, run.accepted.stagedFolder);
      for (const window of run.results) {
        ports.logger.info("a retraining ended", { window: window.window, outcome: window.outcome });
        await outbox.addStatus({ kind: "window", window }, window.openedAtMs);
      }
      const last = run.results.at(-1);
      if (last?.outcome === "replaced" || last?.outcome === "kept-old") {
        this.#drift.answered(model);
        await this.#remember({ drift: this.#drift.references });
      }
      if (last !== undefined && isWithinBounds(last)) await documents.confirm(document.version, this.#rung);
      this.#parts.onReport();
      return true;
    } finally {
      this.#doing = "nothing";
    }
  }

  async #retrain(what: RungToRun, signal: AbortSignal): Promise<RetrainOutcome> {
    const { ports, settings } = this.#parts;
    const job = retrainJob(what, await ports.serving.folders(what.model), settings, ports.random);
    return guarded(this.#guardParts(what.model), signal, (linked) => ports.engine.retrain(job, { signal: linked }));
  }

  /** Runs the probe that is due, if the machine is idle or has not been for too long. */
  async #probe(models: readonly ServedModel[], resources: Resources, signal: AbortSignal): Promise<void> {
    const { settings, ports, inventory, outbox } = this.#parts;
    const nowMs = ports.clock.now();
    const due = dueProbe({
      models,
      orders: this.#orders,
      records: this.#state.probes,
      engineVersion: settings.engineVersion,
      nowMs,
      staleAfterMs: settings.profileStaleMs,
    });
    if (due === undefined) {
      this.#dueSinceMs = undefined;
      return;
    }
    this.#dueSinceMs ??= ports.clock.monotonicMs();
    const waitedMs = ports.clock.monotonicMs() - this.#dueSinceMs;
    const budget = workBudget(settings.budget, resources, this.#facts(due.model));
    const isQuiet = isIdle(resources, inventory.cpuCores, settings.idle) || waitedMs >= settings.probePatienceMs;
    if (budget.blockedBy.length > 0 || !isQuiet) return;
    this.#doing = "probe";
    ports.logger.info("a probe begins", { model: due.model, why: due.why, memoryBytes: budget.memoryBytes });
    try {
      const { profile, chain } = await this.#measure(due, budget.memoryBytes, signal);
      // First the report, then the note that it was done: a crash in between costs a probe, not a profile.
      await outbox.addProfile(profile, chain, due.order?.order);
      const facts = {
        engineVersion: settings.engineVersion,
        graphDigest: profile.model.digest,
        workerIdleBytes: profile.idleBytes,
        nowMs: ports.clock.now(),
      };
      await this.#remember({ probes: probeDone(this.#state.probes, due, facts) });
      this.#parts.onReport();
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      ports.logger.warn("a probe failed; it is tried again later", { model: due.model, err: MpoError.from(thrown) });
      await this.#remember({ probes: probeFailed(this.#state.probes, due, ports.clock.now()) });
    } finally {
      this.#doing = "nothing";
      this.#dueSinceMs = undefined;
    }
  }

  async #measure(due: DueProbe, memoryBytes: number, signal: AbortSignal): ReturnType<AgentPorts["engine"]["probe"]> {
    const { settings, ports, inventory } = this.#parts;
    const { source } = await ports.serving.folders(due.model);
    const { files } = await ports.serving.trainingFiles(due.model);
    const nowMs = Math.max(0, Math.round(ports.clock.now()));
    const { deviceClass } = inventory;
    const job = probeJob(due, { source, files, memoryBytes, deviceClass, nowMs }, settings);
    return guarded(this.#guardParts(due.model), signal, (linked) => ports.engine.probe(job, { signal: linked }));
  }

  async #freeBytes(model: string): Promise<number> {
    const resources = await this.#parts.ports.monitor.resources();
    return workBudget(this.#parts.settings.budget, resources, this.#facts(model)).memoryBytes;
  }

  #guardParts(model: string): Parameters<typeof guarded>[0] {
    const { settings, ports } = this.#parts;
    return { settings, ports, facts: () => this.#facts(model) };
  }

  #facts(model: string): BudgetFacts {
    const idle = this.#state.probes[model]?.workerIdleBytes ?? 0;
    const { memoryBytes } = this.#parts.inventory;
    return { totalBytes: memoryBytes, ...(idle > 0 ? { workerIdleBytes: idle } : {}) };
  }

  async #remember(change: Partial<WorkState>): Promise<void> {
    const { ports } = this.#parts;
    this.#state = { ...this.#state, ...change };
    await writeWorkState(ports.disk, this.#state, ports.logger);
  }

  #randomName(): string {
    const digits = (): string =>
      Math.floor(this.#parts.ports.random() * 2 ** 24)
        .toString(16)
        .padStart(6, "0");
    return digits() + digits();
  }
}

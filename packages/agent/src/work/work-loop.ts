import { chooseRung, isHopeless, MpoError, runWindow } from "@mpo/core";
import { Wakeup } from "@mpo/io";
import type { DesiredDocument, ProbeOrder, Resources, ServedModel } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import type { Finding } from "../core/conditions.ts";
import type { Documents } from "../core/documents.ts";
import { randomName } from "../core/random-name.ts";
import { describeSigns } from "../drift/drift-detector.ts";
import type { ModelFetch } from "../models/model-fetch.ts";
import { ModelSwitch } from "../models/model-switch.ts";
import { type BudgetFacts, workBudget } from "../policy/budget-policy.ts";
import type { RetrainOutcome } from "../ports/agent-engine.ts";
import { isWithinBounds, retrained, windowResults } from "../window/window-report.ts";
import { allowedRungs, allowedWindow, budgetFacts, freeBytesFor, isAllowedNow, methodFor } from "./allowances.ts";
import { AnsweredDrifts } from "./answered-drifts.ts";
import { CheckWork } from "./check-work.ts";
import { CurrentWork } from "./current-work.ts";
import { DriftMeasured } from "./drift-measured.ts";
import { DriftWatch } from "./drift-watch.ts";
import { guarded } from "./guarded-work.ts";
import { probeMsOf, type RungToRun, retrainJob } from "./make-job.ts";
import { otherModels } from "./other-models.ts";
import { ProbeWork } from "./probe-work.ts";
import { reportWindows } from "./report-windows.ts";
import { SharedAdaptations, startOf } from "./shared-adaptations.ts";
import { WorkTroubles } from "./work-troubles.ts";

export interface WorkParts extends AgentParts {
  readonly documents: Documents;
  readonly fetch: ModelFetch | undefined;
  readonly onReport: () => void;
  /** Called with the models that are served, as often as they are looked at. */
  readonly onModels: (models: readonly ServedModel[]) => void;
  /** Called when a probe or a window has begun or ended. */
  readonly onDoing: () => void;
  /** Called when the owner has changed the limits. */
  readonly onLimits: () => void;
}

/**
 * The work of an agent, one piece at a time: it looks at the machine and the inputs, says which rung fits, and runs
 * probes and windows. It needs no coordinator.
 */
export class WorkLoop {
  readonly current: CurrentWork;
  readonly #parts: WorkParts;
  readonly #wakeup: Wakeup;
  readonly #drift: DriftWatch;
  readonly #probes: ProbeWork;
  readonly #checks: CheckWork;
  readonly #lastWindowMs = new Map<string, number>();
  readonly #wanted = new Set<string>();
  readonly #troubles: WorkTroubles;
  readonly #switch: ModelSwitch;
  readonly #measured: DriftMeasured;
  readonly #answered: AnsweredDrifts;
  readonly #shared: SharedAdaptations;
  #rung: number | undefined;
  readonly #noteOthers: (model: string | undefined, names: readonly string[]) => void;

  constructor(parts: WorkParts) {
    const { settings, ports, memory } = parts;
    this.#parts = parts;
    this.#probes = new ProbeWork(parts);
    this.#checks = new CheckWork(parts);
    this.#troubles = new WorkTroubles(ports);
    this.#noteOthers = otherModels(ports.logger);
    this.#switch = new ModelSwitch({ ...parts, onSwitched: (model) => this.#switched(model) });
    this.#wakeup = new Wakeup(ports.clock);
    this.current = new CurrentWork(ports.clock, parts.onDoing);
    this.#drift = new DriftWatch(ports.serving, settings.drift, memory.state);
    this.#answered = new AnsweredDrifts(parts.ports);
    this.#shared = new SharedAdaptations(parts);
    this.#measured = new DriftMeasured(parts, this.#probes, this.current, this.#wakeup);
  }

  /** The rung that fits now, an index of the document's. */
  get rung(): number | undefined {
    return this.#rung;
  }

  /** What is wrong with the work now. */
  get findings(): readonly Finding[] {
    return [...this.#troubles.findings(this.#checks.waits ?? this.#probes.waits), ...this.#switch.findings];
  }

  /** Probes that the coordinator wants. */
  async setOrders(orders: readonly ProbeOrder[]): Promise<void> {
    await this.#probes.setOrders(orders);
    this.#wakeup.wake();
  }

  /** Opens a window for a model although no drift was noticed. */
  openWindow(model: string): void {
    this.#wanted.add(model);
    this.#wakeup.wake();
  }

  /** Looks at everything now. */
  look(): void {
    this.#wakeup.wake();
  }

  /** Another document is in use: look at once. */
  documentChanged(): void {
    this.#rung = undefined;
    this.#wakeup.wake();
  }

  /** Runs until the signal aborts. What goes wrong is logged, and tried again with the next tick. */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, ports } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = MpoError.from(thrown);
        // What the work stands on was closed: nothing can be kept any more.
        if (error.code === "cancelled") throw error;
        ports.logger.error("the agent's work failed; it continues", { err: error });
      }
      ports.onTurn?.(settings.tickMs);
      await this.#wakeup.sleep(settings.tickMs, signal).catch(() => undefined);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { ports, limits, onLimits } = this.#parts;
    if (await limits.look()) onLimits();
    const models = await this.#switch.follow(await ports.serving.models());
    this.#parts.onModels(models);
    const names = models.map(({ name }) => name);
    this.#troubles.serves(names);
    this.#noteOthers(this.#parts.store.document?.model, names);
    let hasNews = false;
    for (const name of names) hasNews = (await this.#look(name)) || hasNews;
    if (hasNews) await this.#parts.memory.change(this.#drift.memory);
    const resources = await ports.monitor.resources();
    await this.#walkLadder(resources);
    const windowOf = this.#dueWindow();
    if (windowOf !== undefined && (await this.#window(windowOf, models, signal))) return;
    const checked = this.#checks.due(models, resources, this.#rung);
    if (checked !== undefined)
      return await this.current.while(this.#checks.workOf(checked), () => this.#checks.run(checked, signal));
    const probe = this.#probes.due(models, resources);
    if (probe === undefined) return;
    await this.current.while(
      { kind: "probe", model: probe.due.model, leftMs: probeMsOf(probe.due, this.#parts.settings) },
      async () => this.#switch.probed(probe.due.model, await this.#probes.run(probe.due, probe.memoryBytes, signal)),
    );
  }

  async #look(model: string): Promise<boolean> {
    const { ports, outbox, onReport } = this.#parts;
    const { clock, logger } = ports;
    const before = this.#drift.noticed(model);
    const hasNews = await this.#troubles.looking(model, () => this.#drift.look(model, clock.now()));
    this.#troubles.looked(model, this.#drift.cursor(model));
    const drift = this.#drift.noticed(model);
    if (drift !== undefined && before === undefined) {
      logger.info("the inputs have drifted", { model, signs: drift.signs });
      await outbox.addStatus({ kind: "drift", drift: { model, message: describeSigns(drift.signs) } }, clock.now());
      onReport();
    }
    return hasNews;
  }

  /** Says which rung fits the memory that is free now. */
  async #walkLadder(resources: Resources): Promise<void> {
    const { store, documents } = this.#parts;
    const { document } = store;
    if (document === undefined || !documents.isServed(document)) return;
    const { rungs, chosenRung, budget } = document;
    const { infeasible } = this.#parts.memory.state;
    const isAllowed = allowedRungs(this.#parts, document.model);
    if (isHopeless({ rungs, chosenRung, infeasible, isAllowed }, budget.memoryBytes)) {
      await documents.giveUp(document.version, "no rung ran within its memory");
      this.#parts.onReport();
      return;
    }
    const facts = budgetFacts(this.#parts, document.model);
    const free = workBudget(this.#parts.settings.budget, resources, facts).memoryBytes;
    const memoryBytes = Math.min(free, budget.memoryBytes);
    const rung = chooseRung({ rungs, chosenRung, memoryBytes, infeasible, isAllowed, current: this.#rung });
    if (rung === this.#rung && rung !== undefined) return;
    this.#rung = rung;
    await documents.reportRung(rung);
    this.#parts.onReport();
  }

  /** The model whose window is due: the document's, when it drifted or was asked for, and not too soon after the last. */
  #dueWindow(): string | undefined {
    const { store, settings, ports } = this.#parts;
    const model = store.document?.model;
    if (model === undefined || this.#rung === undefined || !isAllowedNow(this.#parts, model)) return undefined;
    if (this.#wanted.has(model)) return model;
    const lastMs = this.#lastWindowMs.get(model);
    const isPaused = lastMs !== undefined && ports.clock.monotonicMs() - lastMs < settings.windowPauseMs;
    return this.#drift.noticed(model) !== undefined && !isPaused ? model : undefined;
  }

  /** Runs a window, or what has to come before it. False when it could not begin. */
  async #window(model: string, models: readonly ServedModel[], signal: AbortSignal): Promise<boolean> {
    const { store, ports, settings, documents } = this.#parts;
    const { document } = store;
    const served = models.find(({ name }) => name === model);
    if (document === undefined || served === undefined) return false;
    if (document.manifestDigest !== served.manifestDigest) {
      await documents.giveUp(document.version, `the device serves another ${model} than the document is for`);
      this.#parts.onReport();
      return false;
    }
    const drift = this.#drift.noticed(model);
    // After a drift, only what came after it: else the model would also be adapted to what it does well on.
    const { files, count } = await ports.serving.trainingFiles(model, drift?.cursor ?? "");
    const isEnough = this.#troubles.isEnough(model, count, settings.minTrainingInputs);
    if (!isEnough || !(await this.#troubles.isWritable(model))) return false;
    if (!this.#wanted.has(model) && (await this.#measured.prepares(model, document.version, files, signal)))
      return true;
    return await this.current.while(
      { kind: "window", model, leftMs: allowedWindow(this.#parts, document).windowMs },
      () => this.#runWindow(served, document, files, signal),
    );
  }

  async #runWindow(
    served: ServedModel,
    document: DesiredDocument,
    files: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { ports, documents } = this.#parts;
    const { name: model } = served;
    const name = `w-${randomName(ports.random)}`;
    const signs = this.#drift.noticed(model)?.signs ?? ["asked"];
    ports.logger.info("a window opens", { window: name, model, signs });
    const { infeasible } = this.#parts.memory.state;
    const { rungs, chosenRung, budget } = document;
    const signature = this.#drift.signature(model);
    const own = await this.#answered.startFor(served, signature);
    const found = own === undefined ? await this.#shared.startFor(served, signature, signal) : undefined;
    const start = own ?? found?.parameters;
    const run = await runWindow(
      { rungs, chosenRung, infeasible, ...allowedWindow(this.#parts, document) },
      {
        clock: ports.clock,
        freeBytes: async () => Math.min(await freeBytesFor(this.#parts, model), budget.memoryBytes),
        train: (rung, limits) => this.#retrain({ model, files, rung, start, ...limits }, signal),
      },
      signal,
    );
    const tried = run.tries.at(-1);
    if (tried === undefined) return false;
    const { rung, ended } = tried;
    this.#wanted.delete(model);
    this.#lastWindowMs.set(model, ports.clock.monotonicMs());
    if (run.infeasible !== infeasible) await this.#parts.memory.change({ infeasible: run.infeasible });
    if ("result" in ended) {
      const { isAccepted, stagedFolder } = ended.result;
      await this.#probes.observed(model, ended.result, methodFor(this.#parts, model, rung));
      if (isAccepted && stagedFolder !== undefined) await ports.serving.publish(model, stagedFolder);
      await this.#answered.learned(served, signature, ended.result);
      await this.#shared.learned(served, signature, ended.result);
    }
    const results = windowResults(run, { name, model, document: document.version }, (result: RetrainOutcome) => ({
      ...retrained(result),
      ...startOf(found, result),
    }));
    await reportWindows(this.#parts, "retraining", results);
    const last = results.at(-1);
    if (last?.outcome === "replaced" || last?.outcome === "kept-old") {
      await this.#switched(model);
    }
    if (last !== undefined && isWithinBounds(last)) await documents.confirm(document.version, this.#rung);
    this.#parts.onReport();
    return true;
  }

  /** Other weights serve, or those that serve were tried: what drift was, is judged anew from now on. */
  async #switched(model: string): Promise<void> {
    this.#measured.forget(model);
    await this.#drift.answered(model);
    await this.#parts.memory.change(this.#drift.memory);
  }

  async #retrain(what: RungToRun, signal: AbortSignal): Promise<RetrainOutcome> {
    const { ports, settings } = this.#parts;
    const folders = await ports.serving.folders(what.model);
    const job = retrainJob(what, folders, methodFor(this.#parts, what.model, what.rung), ports.random);
    const facts = (): BudgetFacts => budgetFacts(this.#parts, what.model);
    return guarded({ settings, ports, facts }, signal, (linked) => ports.engine.retrain(job, { signal: linked }));
  }
}

import { curvesOf, given, MpoError, observe, type Profile } from "@mpo/core";
import { asLine, type ProbeFailure, type ProbeOrder, type Resources, type ServedModel } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import type { BudgetFacts } from "../policy/budget-policy.ts";
import { type DueProbe, dueProbe, type ProbeRecord, probeDone, probeFailed } from "../policy/probe-schedule.ts";
import type { ProbeJob, ProbeResult, RetrainOutcome } from "../ports/agent-engine.ts";
import { budgetFacts, isAllowedNow, measuredMethods } from "./allowances.ts";
import { guarded } from "./guarded-work.ts";
import { keepKnownProfile, readKnownProfile } from "./known-profile.ts";
import { curvesJob, probeJob } from "./make-job.ts";
import { QuietWait } from "./quiet-wait.ts";
import { SharedProfiles } from "./shared-profile.ts";

/** What probing needs of the agent. */
export interface ProbeParts
  extends Pick<
    AgentParts,
    "settings" | "ports" | "inventory" | "outbox" | "memory" | "reported" | "time" | "limits" | "store"
  > {
  /** A report was added. */
  readonly onReport: () => void;
}

/**
 * The probes of an agent. Whole ones measure memory and time, when they are due and the machine is idle. How accuracy
 * moves can only be seen on inputs that the model does badly on: that is measured when they have drifted.
 */
export class ProbeWork {
  readonly #parts: ProbeParts;
  #orders: readonly ProbeOrder[] = [];
  readonly #wait: QuietWait;
  readonly #shared: SharedProfiles;
  readonly #beganMs: number;
  /** Whether a coordinator has said what it wants. */
  #isBriefed = false;
  /** Models that another device of the class measures, and since when this one waits for it. */
  readonly #heldSinceMs = new Map<string, number>();

  constructor(parts: ProbeParts) {
    this.#parts = parts;
    this.#wait = new QuietWait(parts, "probe", parts.settings.probePatienceMs);
    this.#shared = new SharedProfiles(parts);
    this.#beganMs = parts.ports.clock.monotonicMs();
  }

  /** Takes what the coordinator wants: a profile that was reported before is reported again, the rest is to be measured. */
  async setOrders(orders: readonly ProbeOrder[]): Promise<void> {
    const left: ProbeOrder[] = [];
    for (const order of orders) if (order.isFresh || !(await this.#reportedAgain(order))) left.push(order);
    this.#orders = left;
    this.#isBriefed = true;
    const held = left.filter(({ waitMs }) => waitMs !== undefined).map(({ model }) => model);
    for (const model of this.#heldSinceMs.keys()) if (!held.includes(model)) this.#heldSinceMs.delete(model);
    for (const model of held) {
      if (this.#heldSinceMs.has(model)) continue;
      this.#heldSinceMs.set(model, this.#parts.ports.clock.monotonicMs());
      this.#parts.ports.logger.info("a probe waits: another device of this class measures", { model });
    }
  }

  /** Whether a model is left alone for now: another device measures it, or nobody has said yet whether one does. */
  #isHeld({ name, manifestDigest }: ServedModel): boolean {
    const nowMs = this.#parts.ports.clock.monotonicMs();
    const sinceMs = this.#heldSinceMs.get(name);
    if (!this.#isBriefed) return nowMs - this.#beganMs < this.#parts.settings.briefingMs;
    const order = this.#orders.find((one) => one.model === name && one.manifestDigest === manifestDigest);
    return order?.waitMs !== undefined && sinceMs !== undefined && nowMs - sinceMs < order.waitMs;
  }

  async #reportedAgain({ order, model, manifestDigest }: ProbeOrder): Promise<boolean> {
    const { memory, outbox, reported, ports, inventory, onReport } = this.#parts;
    const isWaiting = outbox.waiting.some(
      ({ kind, request }) => kind === "profile" && request.profile.model.name === model,
    );
    if (isWaiting) return true;
    if (memory.state.probes[model]?.manifestDigest !== manifestDigest) return false;
    const found = await reported.read(model);
    if (found === undefined || found.profile.device.class !== inventory.deviceClass) return false;
    ports.logger.info("a profile is reported again: the coordinator lacks it", { model, order });
    await outbox.addAgain(found);
    onReport();
    return true;
  }

  /** What a due probe waits for; undefined: none waits. */
  get waits(): string | undefined {
    return this.#wait.waits;
  }

  /** The probe that is due and may begin, and what it may take. Undefined: none, or the machine is not idle enough. */
  due(models: readonly ServedModel[], resources: Resources): { due: DueProbe; memoryBytes: number } | undefined {
    const { settings, ports, memory, inventory } = this.#parts;
    const due = dueProbe({
      models: models.filter((model) => isAllowedNow(this.#parts, model.name) && !this.#isHeld(model)),
      orders: this.#orders,
      records: memory.state.probes,
      ...{ engineVersion: settings.engineVersion, deviceClass: inventory.deviceClass },
      nowMs: ports.clock.now(),
      staleAfterMs: settings.profileStaleMs,
      methodsOf: (model) => measuredMethods(this.#parts, model),
    });
    if (due === undefined) this.#wait.over();
    const memoryBytes = due && this.#wait.memoryFor(due.model, resources);
    return due === undefined || memoryBytes === undefined ? undefined : { due, memoryBytes };
  }

  /** Runs a probe and reports it. A failure is reported and returned, and the probe tried again later. */
  async run(due: DueProbe, memoryBytes: number, signal: AbortSignal): Promise<MpoError | undefined> {
    const { settings, ports, inventory, outbox, memory, reported } = this.#parts;
    ports.logger.info("a probe begins", { model: due.model, why: due.why, memoryBytes });
    try {
      const { source } = await ports.serving.folders(due.model);
      const { deviceClass } = inventory;
      const methods = measuredMethods(this.#parts, due.model);
      const means = { folder: source, memoryBytes, deviceClass, methods };
      const { profile, chain, note } =
        (await this.#takeShared(due, memoryBytes, signal)) ??
        (await this.#measure(probeJob(due, means, settings), signal));
      // First the report, then the note that it was done: a crash in between costs a probe, not a profile.
      const report = await outbox.addProfile(profile, chain, due.order?.order);
      await reported.keep({ report, profile, chain });
      const facts = {
        ...{ engineVersion: settings.engineVersion, deviceClass, methods, method: profile.method.loss },
        workerIdleBytes: profile.idleBytes,
        nowMs: ports.clock.now(),
      };
      await keepKnownProfile(ports, profile);
      await memory.change({ probes: probeDone(memory.state.probes, due, facts) });
      const { steps, spent } = profile;
      ports.logger.info("a probe ended", {
        model: due.model,
        measuredSteps: steps.length,
        tookMs: Math.round(spent.ms),
        ...given({ note }),
      });
      this.#parts.onReport();
      return undefined;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const failure = MpoError.from(thrown);
      await this.#failed(due, failure);
      return failure;
    } finally {
      this.#wait.over();
    }
  }

  /** Undefined: there is none to take, or it does not hold here. */
  async #takeShared(due: DueProbe, memoryBytes: number, signal: AbortSignal): Promise<ProbeResult | undefined> {
    const { sharedFrom } = due.order ?? {};
    const facts = (): BudgetFacts => budgetFacts(this.#parts, due.model);
    if (sharedFrom === undefined) return undefined;
    return await this.#shared.take(due, sharedFrom, { memoryBytes, facts }, signal);
  }

  /** Reported to the coordinator too, so that people see why a device has no profile. */
  async #failed(due: DueProbe, error: MpoError): Promise<void> {
    const { ports, outbox, memory, onReport } = this.#parts;
    const { model } = due;
    ports.logger.warn("a probe failed; it is tried again later", { model, err: error });
    const failedAtMs = Math.max(0, Math.round(ports.clock.now()));
    const probes = probeFailed(memory.state.probes, due, failedAtMs);
    await memory.change({ probes });
    const { failures, retryAtMs } = probes[model] as ProbeRecord;
    const message = asLine(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
    const probe: ProbeFailure = { model, failedAtMs, failures, retryAtMs, message };
    await outbox.addStatus({ kind: "probe", probe }, failedAtMs);
    onReport();
  }

  /**
   * Measures how accuracy moves on drifted inputs, and reports it with what is known of memory and time. False when
   * nothing new was measured: no probe was there to stand on, or it failed.
   */
  async measureCurves(
    model: string,
    files: readonly string[],
    memoryBytes: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { settings, ports, outbox, reported, inventory } = this.#parts;
    try {
      const known = await readKnownProfile(ports, model);
      if (known === undefined || known.device.class !== inventory.deviceClass) return false;
      const { serving, source } = await ports.serving.folders(model);
      const methods = measuredMethods(this.#parts, model);
      const job = curvesJob({ model, files, known, methods }, { serving, source, memoryBytes }, settings);
      ports.logger.info("a probe begins", { model, why: "drift", memoryBytes });
      const { profile, chain } = await this.#measure(job, signal);
      const curves = curvesOf(profile).length;
      if (curves === 0) return false;
      const report = await outbox.addProfile(profile, chain, undefined);
      await reported.keep({ report, profile, chain });
      ports.logger.info("a probe ended", {
        model,
        curves,
        tookMs: Math.round(profile.spent.ms),
      });
      this.#parts.onReport();
      return true;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      ports.logger.warn("how accuracy moves could not be measured", { model, err: MpoError.from(thrown) });
      return false;
    }
  }

  /**
   * What is known of a model learns what a window's steps took, where there were enough of them. The coordinator hears
   * of it with the next drift's curves: a search after each window would change the device's document all the time.
   */
  async observed(model: string, outcome: RetrainOutcome, method: string): Promise<void> {
    const { ports } = this.#parts;
    const { config, plannedBytes, peakBytes, stepMs, overheadMs } = outcome;
    if (stepMs.length === 0) return;
    const window = { config, plannedBytes, peakBytes, stepMs, overheadMs, method };
    const known = await readKnownProfile(ports, model);
    if (known !== undefined) await keepKnownProfile(ports, observe(known, window));
  }

  #measure(job: ProbeJob, signal: AbortSignal): Promise<ProbeResult & { readonly profile: Profile }> {
    const { settings, ports } = this.#parts;
    const facts = (): BudgetFacts => budgetFacts(this.#parts, job.model);
    return guarded({ settings, ports, facts }, signal, (linked) => ports.engine.probe(job, { signal: linked }));
  }
}

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { formatBytes, MpoError, observe, type Prediction, type Profile, typical, withoutCurves } from "@mpo/core";
import { LIMITS, profileCodec } from "@mpo/protocol";
import { isTransient } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";
import type { DueProbe } from "../policy/probe-schedule.ts";
import type { CheckResult, ProbeResult } from "../ports/agent-engine.ts";
import { measuredMethods } from "./allowances.ts";
import type { GuardParts } from "./guarded-work.ts";
import { guarded } from "./guarded-work.ts";
import { checkJob, probeMsOf } from "./make-job.ts";

type ShareParts = Pick<AgentParts, "settings" | "ports" | "inventory" | "limits" | "store">;

/** A step of a device like the other takes this many times as long as predicted at most, and at least this part of it. */
const TIME_FACTOR = 1.5;

interface Fetched {
  readonly of: string;
  readonly digest: string;
  readonly parts: readonly Uint8Array[];
  readonly rung: Prediction | undefined;
}

/** What another device has measured, and what this one would run by that. */
interface SharedProfile {
  readonly profile: Profile;
  readonly rung: Prediction;
}

/**
 * Takes the profile that another device of the same class has measured, where a few steps of what this device would run by
 * it take what it predicts. That is minutes less than measuring everything again.
 */
export class SharedProfiles {
  readonly #parts: ShareParts;
  /** What has arrived, for an attempt after a link that broke. */
  #fetched: Fetched | undefined;

  constructor(parts: ShareParts) {
    this.#parts = parts;
  }

  /**
   * The profile as this device's own; undefined, and the reason logged, when it does not hold here. Throws what is to be
   * tried again: a link that broke.
   */
  async take(
    due: DueProbe,
    sharedFrom: string,
    { memoryBytes, facts }: Pick<GuardParts, "facts"> & { readonly memoryBytes: number },
    signal: AbortSignal,
  ): Promise<ProbeResult | undefined> {
    const { ports } = this.#parts;
    const { model } = due;
    let isFetched = false;
    try {
      const beganMs = ports.clock.monotonicMs();
      const { profile, rung } = await this.#fetch(model, sharedFrom, memoryBytes, signal);
      isFetched = true;
      this.#requireAlike(profile, model);
      const found = await this.#check(due, { profile, rung }, { memoryBytes, facts }, signal);
      requireSame(profile, rung, found);
      const { measured, idleBytes, chain } = found;
      const spent = { ms: ports.clock.monotonicMs() - beganMs, peakBytes: measured.peakBytes ?? 0, configs: 1 };
      ports.logger.info("the profile of another device holds here", {
        model,
        sharedFrom,
        tookMs: Math.round(spent.ms),
      });
      return {
        profile: this.#own(observe(profile, { ...measured, method: rung.method }), {
          sharedFrom,
          idleBytes,
          spent,
          model,
        }),
        chain,
      };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = MpoError.from(thrown);
      if (!isFetched && isTransient(thrown))
        throw error.with({ message: `the profile of ${sharedFrom} could not be fetched: ${error.message}` });
      ports.logger.info("the profile of another device does not hold here; it is measured", {
        ...{ model, sharedFrom, reason: error.message },
      });
      return undefined;
    }
  }

  #own(
    profile: Profile,
    { model, ...own }: Pick<Profile, "sharedFrom" | "idleBytes" | "spent"> & { readonly model: string },
  ): Profile {
    const { settings, inventory, ports } = this.#parts;
    return {
      ...{ ...withoutCurves(profile), ...own },
      model: { ...profile.model, name: model },
      device: { id: settings.identity.device, class: inventory.deviceClass },
      measuredAtMs: Math.max(0, Math.round(ports.clock.now())),
    };
  }

  async #fetch(model: string, sharedFrom: string, memoryBytes: number, signal: AbortSignal): Promise<SharedProfile> {
    const { ports, settings } = this.#parts;
    const of = `${model} ${sharedFrom}`;
    if (this.#fetched?.of !== of) this.#fetched = undefined;
    for (;;) {
      const parts: readonly Uint8Array[] = this.#fetched?.parts ?? [];
      const offset = parts.reduce((sum, { length }) => sum + length, 0);
      const ask = { identity: settings.identity, model, sharedFrom, memoryBytes, offset };
      const answer = await ports.link.fetchProfile(ask, { signal });
      // It has changed meanwhile: from the start.
      if (offset > 0 && answer.digest !== this.#fetched?.digest) {
        this.#fetched = undefined;
        continue;
      }
      const rung: Prediction | undefined = answer.rung ?? this.#fetched?.rung;
      this.#fetched = { of, digest: answer.digest, parts: [...parts, answer.part], rung };
      if (offset + answer.part.length < answer.totalBytes) continue;
      const whole = Buffer.concat(this.#fetched.parts);
      this.#fetched = undefined;
      if (createHash("sha256").update(whole).digest("hex") !== answer.digest || rung === undefined)
        throw new MpoError("invalid-data", "what was fetched is not what was announced");
      const bytes = gunzipSync(whole, { maxOutputLength: LIMITS.profileBytes });
      return { profile: profileCodec.fromBytes(bytes), rung };
    }
  }

  /** Throws `precondition-failed` for a profile that was measured in another way than this device would. */
  #requireAlike({ method, others = [], effectiveBatch, software }: Profile, model: string): void {
    const { settings } = this.#parts;
    const methods: readonly string[] = measuredMethods(this.#parts, model);
    // Of methods that race, those that change nothing of a model are left out.
    const theirMethods = [method, ...others.map((other) => other.method)].map(({ loss }) => loss);
    const isAlike = theirMethods.every((loss) => methods.includes(loss));
    const own = [settings.effectiveBatch, settings.engineVersion].join(", ");
    const theirs = [effectiveBatch, software.engine].join(", ");
    if (isAlike && own === theirs) return;
    throw new MpoError(
      "precondition-failed",
      `it is for ${theirMethods.join(", ")}, ${theirs}; expected ${methods.join(", ")}, ${own}`,
    );
  }

  async #check(
    due: DueProbe,
    { profile, rung }: SharedProfile,
    { memoryBytes, facts }: Pick<GuardParts, "facts"> & { readonly memoryBytes: number },
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const { settings, ports } = this.#parts;
    const { source: folder } = await ports.serving.folders(due.model);
    const job = checkJob(due.model, rung, {
      ...{ folder, method: rung.method ?? profile.method.loss, maxMs: probeMsOf(due, settings) },
      memoryBytes: Math.min(memoryBytes, rung.memoryBytes.upper),
    });
    return await guarded({ settings, ports, facts }, signal, (linked) => ports.engine.check(job, { signal: linked }));
  }
}

/** Throws `precondition-failed` where a check shows another model, or took something else than was predicted. */
function requireSame(
  { model }: Profile,
  { memoryBytes, stepMs }: Prediction,
  { graphDigest, measured }: CheckResult,
): void {
  const { peakBytes = 0 } = measured;
  const ms = typical(measured.stepMs);
  const [least, most] = [stepMs.expected / TIME_FACTOR, stepMs.expected * TIME_FACTOR];
  const why =
    graphDigest !== model.graphDigest
      ? "it is of another model"
      : peakBytes > memoryBytes.upper
        ? `a step took ${formatBytes(peakBytes, Math.ceil)}; at most ${formatBytes(memoryBytes.upper)} were predicted`
        : ms < least || ms > most
          ? `a step took ${ms.toFixed(1)} ms; ${least.toFixed(1)} to ${most.toFixed(1)} were expected`
          : undefined;
  if (why !== undefined) throw new MpoError("precondition-failed", why);
}

import type { Chain, RetrainConfig } from "@mpo/core";
import { type MethodPlanners, MpoError, type Profile, plannersOf } from "@mpo/core";
import { type Abortable, type Clock, throwIfAborted } from "@mpo/io";
import { chainCodec } from "@mpo/protocol";
import { foundLadder, givenRung, type LadderRequest, type PlannedLadder, searchedFor } from "./planned-ladder.ts";
import { Recent } from "./recent.ts";
import { type TriedBudget, triedBudget } from "./tried-budget.ts";

/** What a planner is made of. */
export interface PlannerSource {
  /** Another one where any of this is another. */
  readonly key: string;
  readonly profile: Profile;
  /** What the fleet knows: its curves are read. */
  readonly prior: Profile | undefined;
  /** Of the chain's bytes. */
  readonly chainDigest: string;
  /** As the store has it: read only where it is planned with, once. */
  readonly chain: Uint8Array;
}

export interface PlanningTask {
  readonly source: PlannerSource;
  readonly request: LadderRequest;
  /** The one that a person wants; absent: it is searched. */
  readonly config?: RetrainConfig | undefined;
}

/** What a task is done for. */
export interface PlanningAnswers {
  readonly ladder: PlannedLadder;
  readonly tried: TriedBudget;
}
export type PlanningKind = keyof PlanningAnswers;

export interface Planned<Kind extends PlanningKind> {
  readonly answer: PlanningAnswers[Kind];
  /** How long it took, without waiting for its turn. */
  readonly ms: number;
}

/** Whoever searches: this thread, or others. */
export interface Planning {
  /** Throws `over-budget` when nothing fits, `invalid-argument` for a configuration that the model cannot run. */
  run<Kind extends PlanningKind>(kind: Kind, task: PlanningTask, options?: Abortable): Promise<Planned<Kind>>;
}

const MAKE: {
  readonly [Kind in PlanningKind]: (planners: MethodPlanners, task: PlanningTask) => PlanningAnswers[Kind];
} = {
  ladder: (planners, { request, config }) =>
    config === undefined ? foundLadder(searchedFor(planners, request)) : givenRung(planners, config, request),
  tried: (planners, { request }) => triedBudget(planners, request),
};

/** Searches in the thread that asks. Planners are kept while they are in use. */
export class PlanningHere implements Planning {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #planners = new Recent<MethodPlanners>(16);
  /** Planners of one chain share what they plan: they must be given the same object. */
  readonly #chains = new Recent<Chain>(16);

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  async run<Kind extends PlanningKind>(
    kind: Kind,
    task: PlanningTask,
    { signal }: Abortable = {},
  ): Promise<Planned<Kind>> {
    throwIfAborted(signal);
    const beganMs = this.#clock.monotonicMs();
    const answer = MAKE[kind](this.#plannersOf(task.source), task);
    return { answer, ms: this.#clock.monotonicMs() - beganMs };
  }

  #plannersOf(source: PlannerSource): MethodPlanners {
    const { key, profile, prior } = source;
    const known = this.#planners.get(key);
    if (known !== undefined) return known;
    const chain = this.#chain(source);
    const { name, unitCount } = profile.model;
    if (chain.units.length !== unitCount) {
      throw new MpoError(
        "invalid-data",
        `the chain of ${name} has ${chain.units.length} units, its profile ${unitCount}`,
        {
          hint: "Let the device probe again: it sends both.",
        },
      );
    }
    const planners = plannersOf(profile, chain, { prior });
    this.#planners.set(key, planners);
    return planners;
  }

  #chain({ chainDigest, chain: bytes }: PlannerSource): Chain {
    const known = this.#chains.get(chainDigest);
    if (known !== undefined) return known;
    // A copy: these bytes may be shared by threads, which not everything can read.
    const chain = chainCodec.fromBytes(Uint8Array.from(bytes));
    this.#chains.set(chainDigest, chain);
    return chain;
  }
}

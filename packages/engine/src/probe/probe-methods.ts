import {
  type AccuracySample,
  type Chain,
  CostModel,
  changesAnything,
  frozenBy,
  given,
  type MethodName,
  MpoError,
  ofMethod,
  type Profile,
  trainedBytes,
  validateProfile,
} from "@mpo/core";
import { systemClock } from "@mpo/io";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { methodNamed } from "../window/method.ts";
import { measureAccuracy } from "./accuracy/measure-accuracy.ts";
import { checkKnown, probe } from "./probe.ts";
import { ProbeContext } from "./probe-context.ts";
import { ProbeGuard } from "./probe-guard.ts";
import type { ProbeBudget, ProbeOptions, ProbeTask } from "./probe-task.ts";

export interface MethodsTask extends Omit<ProbeTask, "method"> {
  readonly methods: readonly MethodName[];
}

/** Share of the time for memory and time of steps, which are measured once for all methods. */
const COSTS_SHARE = 0.5;

/**
 * Probes a model for several methods: memory and time once (`known`: not even that), under the one that trains the most;
 * what each of the others adds to a step is known from its plan. Then all of them race on the samples, where there are any
 * (`measureAccuracy`). Methods that change nothing of the model are left out; so are those that need labels where there are
 * none. Throws as `probe` does; `invalid-argument` where no method is left.
 */
export async function probeMethods(
  { methods, samples, known, ...task }: MethodsTask,
  budget: ProbeBudget,
  options: ProbeOptions,
): Promise<Profile> {
  const { clock = systemClock } = options;
  const began = clock.monotonicMs();
  const chain = chainOf(task.model.graph);
  const isLabelled = samples?.adapted.labels !== undefined;
  const possible = methods.filter(
    (method) => changesAnything(chain, method) && (isLabelled || !methodNamed(method).needsLabels),
  );
  const trained = (method: MethodName): number => trainedBytes(chain, frozenBy(chain, method));
  const [largest] = possible.toSorted((left, right) => trained(right) - trained(left));
  if (largest === undefined) {
    throw new MpoError("invalid-argument", `none of ${methods.join(", ")} changes ${task.model.graph.name}`);
  }
  if (known !== undefined) checkKnown({ ...task, known, method: methodNamed(known.method.loss).loss });
  const costsMs = (samples === undefined ? 1 : COSTS_SHARE) * budget.maxMs;
  const base = known ?? (await probe({ ...task, method: largest }, { ...budget, maxMs: costsMs }, options));
  const profile = withMethods(base, chain, possible);
  if (samples === undefined) return profile;
  const left = { ...budget, maxMs: budget.maxMs - (clock.monotonicMs() - began) };
  const curves = await race({ ...task, samples }, profile, possible, left, options);
  const { accuracy, others = [] } = profile;
  const { peakBytes, configs } = known === undefined ? base.spent : { peakBytes: 0, configs: 0 };
  return validateProfile({
    ...profile,
    accuracy: curves.get(base.method.loss) ?? accuracy,
    ...(others.length === 0
      ? {}
      : { others: others.map((other) => ({ ...other, accuracy: curves.get(other.method.loss) ?? [] })) }),
    spent: { ...base.spent, ms: clock.monotonicMs() - began, peakBytes, configs },
    measuredAtMs: clock.now(),
  });
}

/** The curves of all methods, from one race on the samples. */
async function race(
  task: Omit<ProbeTask, "method" | "known">,
  profile: Profile,
  methods: readonly MethodName[],
  budget: ProbeBudget,
  options: ProbeOptions,
): Promise<ReadonlyMap<string, readonly AccuracySample[]>> {
  using guard = ProbeGuard.of(budget, options);
  await guard.check();
  const [first, ...others] = methods.map((method) => {
    const known = ofMethod(profile, method)!;
    const context = new ProbeContext({ ...task, method, known }, budget, options, guard.signal);
    return { context, costModel: new CostModel(context.chain, known, context.costs) };
  });
  const curves = await measureAccuracy([first!, ...others]).catch((error: unknown) => {
    if (guard.reason === undefined) throw error;
    return [];
  });
  if (guard.reason !== undefined && guard.reason.code !== "timed-out") throw guard.reason;
  return new Map(
    methods.map((of) => [of, curves.filter(({ method }) => method === of).map(({ sample }) => sample)] as const),
  );
}

/** A profile of one method, without curves, with what is known of others: units' times are the same, loss and optimizer are not. */
function withMethods(profile: Profile, chain: Chain, methods: readonly MethodName[]): Profile {
  const others = methods
    .filter((method) => method !== profile.method.loss)
    .map((method) => {
      const { loss, optimizer } = methodNamed(method);
      const memoryFacts = stepMemoryFacts(chain, { loss, optimizer });
      return { method: { loss, optimizer: optimizer.kind }, memoryFacts, accuracy: [] };
    });
  return { ...profile, accuracy: [], ...given({ others: others.length === 0 ? undefined : others }) };
}

import {
  type Chain,
  CostModel,
  changesAnything,
  frozenBy,
  given,
  type MethodName,
  MpoError,
  type Profile,
  trainedBytes,
} from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { methodNamed } from "../window/method.ts";
import { measureAccuracy } from "./accuracy/measure-accuracy.ts";
import { probe } from "./probe.ts";
import { ProbeContext } from "./probe-context.ts";
import { ProbeGuard } from "./probe-guard.ts";
import type { ProbeBudget, ProbeOptions, ProbeTask } from "./probe-task.ts";

export interface MethodsTask extends Omit<ProbeTask, "method" | "known"> {
  readonly methods: readonly MethodName[];
}

/** Share of the time for memory and time of steps, which are measured once for all methods. */
const COSTS_SHARE = 0.5;

/**
 * Probes a model for several methods: memory and time once, under the one that trains the most; what each of the others
 * adds to a step is known from its plan. Then all of them race on the samples (`measureAccuracy`). Methods that change nothing of
 * the model are left out; so are those that need labels where there are none. Throws as `probe` does; `invalid-argument`
 * where no method is left.
 */
export async function probeMethods(
  { methods, samples, ...task }: MethodsTask,
  budget: ProbeBudget,
  options: ProbeOptions,
): Promise<ReadonlyMap<MethodName, Profile>> {
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
  const base = await probe({ ...task, method: largest }, { ...budget, maxMs: COSTS_SHARE * budget.maxMs }, options);
  const profiles = new Map(possible.map((method) => [method, profileOfMethod(base, chain, method)]));
  const left = { ...budget, maxMs: budget.maxMs - base.spent.ms };
  using guard = ProbeGuard.of(left, options);
  const [measured, ...others] = [...profiles].map(([method, known]) => {
    const whole = { ...task, ...given({ samples }), method, known };
    const context = new ProbeContext(whole, left, options, guard.signal);
    return { context, costModel: new CostModel(chain, known, context.costs) };
  });
  const curves = await measureAccuracy([measured!, ...others]).catch((error: unknown) => {
    if (guard.reason === undefined) throw error;
    return [];
  });
  if (guard.reason !== undefined && guard.reason.code !== "timed-out") throw guard.reason;
  const accuracyOf = (of: MethodName) => curves.filter(({ method }) => method === of).map(({ sample }) => sample);
  return new Map([...profiles].map(([method, profile]) => [method, { ...profile, accuracy: accuracyOf(method) }]));
}

/** What a profile of one method says of another: the units' times are the same, loss and optimizer are not. */
function profileOfMethod(profile: Profile, chain: Chain, method: MethodName): Profile {
  const { loss, optimizer } = methodNamed(method);
  return {
    ...profile,
    method: { loss, optimizer: optimizer.kind },
    memoryFacts: stepMemoryFacts(chain, { loss, optimizer }),
    accuracy: [],
  };
}

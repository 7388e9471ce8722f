import { given } from "./given.ts";
import type { Measured } from "./measured.ts";
import { type MethodName, methodOf } from "./method-names.ts";
import type { AccuracySample, Profile, StepMemoryFacts } from "./profile.ts";

/** Methods that a profile knows of and this release has, its own first. */
export function methodsOf({ method, others = [] }: Pick<Profile, "method" | "others">): readonly MethodName[] {
  return [method, ...others.map((other) => other.method)].flatMap(({ loss }) => methodOf(loss) ?? []);
}

/** A short training, and the method that it was by. */
export interface MethodCurve {
  readonly loss: string;
  readonly curve: AccuracySample;
}

/** What was learned by each method of a profile, its own first. */
export function curvesOf({ method, accuracy, others = [] }: Profile): readonly MethodCurve[] {
  return [{ method, accuracy }, ...others].flatMap(({ method: { loss }, accuracy: curves }) =>
    curves.map((curve) => ({ loss, curve })),
  );
}

/** The same profile without what was learned by any of its methods: as another device may take it over. */
export function withoutCurves({ others, ...profile }: Profile): Profile {
  return { ...profile, accuracy: [], ...given({ others: others?.map((other) => ({ ...other, accuracy: [] })) }) };
}

/** The same profile with another of its methods as its own; undefined: it says nothing of that one. */
export function ofMethod(profile: Profile, loss: string): Profile | undefined {
  const { method, memoryFacts, accuracy, others = [] } = profile;
  if (method.loss === loss) return profile;
  const found = others.find((other) => other.method.loss === loss);
  if (found === undefined) return undefined;
  return {
    ...profile,
    ...found,
    others: [{ method, memoryFacts, accuracy }, ...others.filter((other) => other !== found)],
    steps: profile.steps.map(({ method: of = method.loss, ...step }) => ({
      ...step,
      ...given({ method: of === loss ? undefined : of }),
    })),
  };
}

/** What optimizer and loss added to a step that was measured: those of the method that it ran. */
export function stepFacts(
  { memoryFacts, others = [] }: Pick<Profile, "memoryFacts" | "others">,
  { method }: Pick<Measured, "method">,
): StepMemoryFacts {
  return others.find((other) => other.method.loss === method)?.memoryFacts ?? memoryFacts;
}

import type { Hook } from "./rollout-state.ts";
import type { RolloutSpec } from "./spec.ts";

/** Where a hook is asked; undefined: the file names no address for it. */
export function hookAddress({ hooks }: Pick<RolloutSpec, "hooks">, hook: Hook): string | undefined {
  return { "before-start": hooks?.beforeStart, "between-waves": hooks?.betweenWaves, "at-end": hooks?.atEnd }[hook];
}

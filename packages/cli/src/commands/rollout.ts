import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { defineVerbs } from "../rollout/change-rollout.ts";
import { definePlan } from "../rollout/plan-rollout.ts";
import { defineShow } from "../rollout/show-rollout.ts";
import { defineValidate } from "../rollout/validate-rollout.ts";

/** `mpo rollout` and what follows it. */
export function define(rollout: Command, context: CommandContext): void {
  defineValidate(rollout, context);
  definePlan(rollout, context);
  defineShow(rollout, context);
  defineVerbs(rollout, context);
}

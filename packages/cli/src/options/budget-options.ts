import { SEARCH_OBJECTIVES } from "@mpo/core";
import { type Command, Option } from "commander";
import { choice } from "./choice.ts";
import { durationInMs, sizeInBytes } from "./parsers.ts";

/** Adds the options from which `budgetFrom` makes a budget, and the objective. `when` stands before each description. */
export function addBudgetOptions(command: Command, when: "" | "auto: " = ""): Command {
  const objective = `${when}accuracy; or memory or time at (nearly) the best accuracy`;
  const window = `${when}time for ${when === "" ? "the retraining" : "probing and retraining"}, such as 60s`;
  return command
    .option(
      "--memory <size>",
      `${when}what a step may add to the idle process, such as 150MiB; this or the next is needed`,
      sizeInBytes,
    )
    .option("--memory-total <size>", `${when}instead, what the whole worker process may take`, sizeInBytes)
    .addOption(new Option("--window <duration>", window).argParser(durationInMs).makeOptionMandatory(when === ""))
    .addOption(choice("--objective <name>", objective, SEARCH_OBJECTIVES, "accuracy"));
}

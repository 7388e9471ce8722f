import { parentPort } from "node:worker_threads";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { PlanningHere } from "./planning.ts";
import type { FromPlanner, ToPlanner } from "./planning-messages.ts";

/** Entry of a thread that searches for a coordinator. */
const planning = new PlanningHere(systemClock);

parentPort?.on("message", ({ kind, task }: ToPlanner) => {
  planning.run(kind, task).then(
    (planned) => answer({ planned }),
    (thrown: unknown) => {
      const { code, message, hint } = MpoError.from(thrown);
      answer({ error: { code, message, hint } });
    },
  );
});

function answer(message: FromPlanner): void {
  parentPort?.postMessage(message);
}

import { formatBytes, formatMs, formatVersion } from "@mpo/core";
import type { AdminServiceMethods, ResponseOf } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { useLoad } from "../../state/load.ts";
import { Section } from "../../ui/page.tsx";
import { Choice } from "../search/choice.tsx";

type Explained = ResponseOf<AdminServiceMethods["explainConfig"]>;

/** Why a device trains as it does: what was chosen, what was not, and what was against that. */
export function Why({ explained }: { readonly explained: Explained }): VNode {
  const { document, explanation } = explained;
  const { tenant, device, model, rungs, chosenRung, reasons, budget, objective, version, isFixed } = document;
  const chosen = rungs[chosenRung];
  const { value: tried } = useLoad(
    async (signal) => {
      if (isFixed === true || chosen === undefined) return undefined;
      const request = { identity: { tenant, device }, model, budget, objective };
      // Its profile may be gone, or nothing fit any more: what the document says still holds.
      return await call("tryBudget", request, signal).catch(() => undefined);
    },
    { keys: [tenant, device, formatVersion(version)] },
  );
  const rejected = explanation.rejected.length > 0 ? explanation.rejected : (tried?.explanation.rejected ?? []);
  return (
    <Section id="why" title="Why it trains like this">
      {chosen === undefined && <p>It has no configuration yet: its model is to be measured first.</p>}
      <Choice
        rungs={rungs}
        chosenRung={chosenRung}
        budgetBytes={budget.memoryBytes}
        reasons={reasons}
        reasonsOf={`Reasons of configuration ${formatVersion(version)}`}
        rejected={rejected}
        methods={explanation.methods ?? tried?.explanation.methods}
        tried={tried}
      >
        <p>{summaryOf(explained)}</p>
      </Choice>
      {tried !== undefined && (
        <p class="faint">
          Pictures and cuts are of the same search on the profile as it is now.{" "}
          <a href={`/search?device=${device}&model=${model}&memory=${Math.round(budget.memoryBytes / 2 ** 20)}MiB`}>
            Try another budget
          </a>
        </p>
      )}
    </Section>
  );
}

/** In a sentence, what the choice was made from. */
function summaryOf({ document, explanation }: Explained): string {
  const { budget, objective, isFixed, request } = document;
  const within = `${formatBytes(budget.memoryBytes)} and ${formatMs(budget.windowMs)}`;
  if (isFixed === true) return "It was given this configuration by name: nothing was searched for.";
  const { considered, overBudget } = explanation;
  if (considered === 0) return `It was searched for within ${within}, for ${requestWords(request)}.`;
  const [all, over] = [considered, overBudget].map((count) => count.toLocaleString("en"));
  const best = objective === "accuracy" ? "accuracy" : `${objective} at nearly the best accuracy`;
  return `Of ${all} configurations, ${over} broke the budget of ${within}. Of the rest this one has the best ${best}.`;
}

/** "rollout less-memory/1", without the mark that makes it the only one of its name. */
function requestWords(request: string): string {
  return request.replace(/#.*$/u, "");
}

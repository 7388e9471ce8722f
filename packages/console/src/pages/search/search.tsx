import { isName, SEARCH_OBJECTIVES, type SearchObjective } from "@mpo/core";
import type { ListProfilesResponse } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { useLoad } from "../../state/load.ts";
import { pathTo } from "../../state/path-to.ts";
import { go, here } from "../../state/router.ts";
import { tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Ago } from "../../ui/figures.tsx";
import { Empty, Loading, Page, Section } from "../../ui/page.tsx";
import { budgetIn } from "../budget.ts";
import { Choice } from "./choice.tsx";
import type { Tried } from "./pieces.tsx";

const PAGE_SIZE = 1_000;

/** Tries a budget on a stored profile: what would be chosen, and why. No device is touched. */
export function SearchPage(): VNode {
  const name = tenant.value;
  const profiles = useLoad(
    async (signal) => (await call("listProfiles", { tenant: name, pageSize: PAGE_SIZE }, signal)).profiles,
    { keys: [name], when: ({ kind }) => kind === "profile-stored" },
  );
  return (
    <Page title="Search">
      <p>Try a budget on a profile that a device has reported. It is only calculated: no device is touched.</p>
      <Failure error={profiles.error} />
      {profiles.value === undefined && profiles.error === undefined && <Loading />}
      {profiles.value?.length === 0 && (
        <Empty title="No device has measured a model yet.">
          <p>A device measures the models that it serves when it is idle. Its profile is then here.</p>
        </Empty>
      )}
      {profiles.value !== undefined && profiles.value.length > 0 && <Wish profiles={profiles.value} />}
    </Page>
  );
}

function Wish({ profiles }: { readonly profiles: ListProfilesResponse["profiles"] }): VNode {
  const { query } = here.value;
  const asked = query.get("device") ?? "";
  const found = profiles.find((one) => one.identity.device === asked && one.model === query.get("model"));
  const chosen = found ?? profiles[0];
  const [memory, window] = [query.get("memory") ?? "", query.get("window") ?? ""];
  const objective = SEARCH_OBJECTIVES.find((one) => one === query.get("objective")) ?? "accuracy";
  const keyOf = (one: (typeof profiles)[number]): string => `${one.identity.device} ${one.model}`;
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [device = "", model = ""] = String(form.get("profile")).split(" ");
    const fields = ["memory", "window", "objective"].map((field) => [field, String(form.get(field))] as const);
    const wish = [["device", device], ["model", model], ...fields.filter(([, value]) => value !== "")] as [
      string,
      string,
    ][];
    go(`/search?${new URLSearchParams(wish)}`);
  };
  return (
    <>
      <form class="filter" key={String(query)} onSubmit={onSubmit}>
        <label>
          Profile{" "}
          <select name="profile" value={chosen === undefined ? "" : keyOf(chosen)}>
            {profiles.map((one) => (
              <option key={keyOf(one)} value={keyOf(one)}>
                {one.identity.device}: {one.model} ({one.deviceClass})
              </option>
            ))}
          </select>
        </label>
        <label>
          Memory <input name="memory" value={memory} placeholder="150MiB" size={9} autocomplete="off" />
        </label>
        <label>
          Time <input name="window" value={window} placeholder="10min" size={7} autocomplete="off" />
        </label>
        <label>
          Best in{" "}
          <select name="objective" value={objective}>
            {SEARCH_OBJECTIVES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary">
          Try
        </button>
      </form>
      {asked !== "" && found === undefined && (
        <Empty title={`${isName(asked) ? asked : "This device"} has no profile of that model.`} />
      )}
      {found !== undefined && (
        <Result key={`${String(query)}`} profile={found} memory={memory} window={window} objective={objective} />
      )}
      {asked === "" && (
        <p class="faint">Choose a profile and a budget. Left empty, the budget is that of the device.</p>
      )}
    </>
  );
}

interface ResultProps {
  readonly profile: ListProfilesResponse["profiles"][number];
  readonly memory: string;
  readonly window: string;
  readonly objective: SearchObjective;
}

/** A retraining's time where only its memory is said: the usual policy's. */
const USUAL_WINDOW = "10min";

function Result({ profile, memory, window, objective }: ResultProps): VNode {
  const { identity, model, receivedAtMs } = profile;
  const { value, error } = useLoad(
    async (signal) => {
      const budget = budgetIn(memory, memory === "" ? window : window || USUAL_WINDOW);
      return await call("tryBudget", { identity, model, objective, ...budget }, signal);
    },
    { keys: [] },
  );
  return (
    <Section id="found" title="What would be chosen">
      <p class="faint">
        For <a href={pathTo("devices", identity.device)}>{identity.device}</a>, by its profile of {model}, measured{" "}
        <Ago at={receivedAtMs} />.
      </p>
      <Failure error={error} />
      {value === undefined ? error === undefined && <Loading /> : <Found tried={value} />}
    </Section>
  );
}

function Found({ tried }: { readonly tried: Tried }): VNode {
  const { rungs, budget, reasons, explanation } = tried;
  if (rungs.length === 0) return <Empty title="Nothing fits." />;
  return (
    <Choice
      rungs={rungs}
      chosenRung={rungs.length - 1}
      budgetBytes={budget.memoryBytes}
      reasons={reasons}
      reasonsOf="Reasons"
      rejected={explanation.rejected}
      methods={explanation.methods}
      tried={tried}
    />
  );
}

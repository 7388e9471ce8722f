import { MpoError } from "@mpo/core";
import type { ComponentChildren, VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import { devicesOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { pathTo } from "../../state/path-to.ts";
import { go, here } from "../../state/router.ts";
import { may, tenant } from "../../state/who.ts";
import { announce } from "../../ui/announce.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Empty, Page } from "../../ui/page.tsx";
import { type Draft, FIRST_DRAFT, specOf, yamlOf } from "./draft.ts";

/** Plans a rollout: by a form, or as a file. Nothing is changed before it is started. */
export function NewRolloutPage(): VNode {
  const name = tenant.value;
  const [draft, setDraft] = useState<Draft>({ ...FIRST_DRAFT, where: here.peek().query.get("where") ?? "" });
  /** Written by hand; undefined: as the form says. */
  const [written, setWritten] = useState<string>();
  const [error, setError] = useState<MpoError>();
  const [isBusy, setBusy] = useState(false);
  const models = useLoad(
    async (signal) => [
      ...new Set((await devicesOf(name, "", signal)).flatMap((device) => device.models.map((model) => model.name))),
    ],
    { keys: [name] },
  );
  if (!may("operator")) {
    return (
      <Page title="Plan a rollout" above={<a href="/rollouts">Rollouts</a>}>
        <Empty title="An operator plans rollouts." />
      </Page>
    );
  }
  const text = written ?? yamlOf(draft);
  const set = (part: Partial<Draft>): void => {
    setWritten(undefined);
    setDraft((before) => ({ ...before, ...part }));
  };
  const plan = async (): Promise<void> => {
    // Who uses the form needs no reader of YAML, which is as large as all the rest.
    const spec = written === undefined ? specOf(draft) : (await import("./read-yaml.ts")).specOfYaml(written);
    const { rollout } = await call("planRollout", { tenant: name, spec, reason: "" });
    announce(`${rollout.name} is planned. Nothing is changed before it is started.`);
    go(pathTo("rollouts", rollout.name));
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    plan()
      .catch((thrown: unknown) => setError(MpoError.from(thrown)))
      .finally(() => setBusy(false));
  };
  return (
    <Page title="Plan a rollout" above={<a href="/rollouts">Rollouts</a>}>
      <p>
        The plan says who would get what, and how long it is expected to take. Nothing is changed before you start it.
      </p>
      <form onSubmit={onSubmit} class="two">
        <Form draft={draft} set={set} models={models.value ?? []} />
        <div>
          <label class="field">
            <span>
              The same as a file (YAML){" "}
              {written !== undefined && "; changed by hand: the form begins again when you use it"}
            </span>
            <textarea
              name="spec"
              rows={24}
              spellcheck={false}
              value={text}
              onInput={({ currentTarget }) => setWritten(currentTarget.value)}
            />
          </label>
          <Failure error={error} />
          <div class="buttons">
            <button type="submit" class="primary" disabled={isBusy}>
              {isBusy ? "Planning…" : "Plan"}
            </button>
          </div>
        </div>
      </form>
    </Page>
  );
}

interface FormProps {
  readonly draft: Draft;
  readonly set: (part: Partial<Draft>) => void;
  readonly models: readonly string[];
}

function Form({ draft, set, models }: FormProps): VNode {
  const text = (field: Exclude<keyof Draft, "approval" | "change" | "onFailure">, title: string, hint = ""): VNode => (
    <Field title={title} hint={hint}>
      {(id) => (
        <input
          id={id}
          type="text"
          value={draft[field]}
          autocomplete="off"
          {...(hint === "" ? {} : { "aria-describedby": `${id}-hint` })}
          {...(field === "model" ? { list: "served-models" } : {})}
          onInput={({ currentTarget }) => set({ [field]: currentTarget.value })}
        />
      )}
    </Field>
  );
  return (
    <fieldset class="card">
      <legend>Form</legend>
      <datalist id="served-models">
        {models.map((model) => (
          <option key={model} value={model} />
        ))}
      </datalist>
      {text("name", "Name", "such as less-memory")}
      {text("model", "Model", models.length === 0 ? "" : `in use: ${models.slice(0, 5).join(", ")}`)}
      <Field title="What changes" hint="">
        {(id) => (
          <select
            id={id}
            value={draft.change}
            onChange={({ currentTarget }) => set({ change: currentTarget.value as Draft["change"] })}
          >
            <option value="rule">a budget: each device gets what a search finds for it</option>
            <option value="version">a published version of the model</option>
          </select>
        )}
      </Field>
      {draft.change === "rule" ? (
        <>
          {text("memory", "Memory of a retraining", "such as 150MiB")}
          {text("window", "Time of a retraining", "such as 10min")}
        </>
      ) : (
        text("version", "Version", "its number")
      )}
      {text("where", "Which devices", "a filter; empty: all that serve the model")}
      {text("canary", "First wave", "a share such as 10%, or a number of devices; the rest follows")}
      {text("dwell", "Watched for", "before the rest follows, such as 10min")}
      <label class="choose">
        <input
          type="checkbox"
          checked={draft.approval}
          onChange={({ currentTarget }) => set({ approval: currentTarget.checked })}
        />{" "}
        Ask a person before the first wave begins
      </label>
      <Field title="When a wave fails" hint="">
        {(id) => (
          <select
            id={id}
            value={draft.onFailure}
            onChange={({ currentTarget }) => set({ onFailure: currentTarget.value as Draft["onFailure"] })}
          >
            <option value="roll-back">roll it back</option>
            <option value="pause">halt, and wait for a person</option>
            <option value="stop">stop</option>
          </select>
        )}
      </Field>
    </fieldset>
  );
}

function Field({
  title,
  hint,
  children,
}: {
  readonly title: string;
  readonly hint: string;
  readonly children: (id: string) => ComponentChildren;
}): VNode {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{title}</label>
      {children(id)}
      {hint !== "" && (
        <span class="faint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

import type { DeviceView, EnrolmentView } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { may } from "../../state/who.ts";
import { Action, reasonOf, textOf } from "../../ui/action.tsx";
import { budgetIn } from "../budget.ts";
import { DeviceLife } from "./life.tsx";

interface DeviceActionsProps {
  readonly device: DeviceView;
  readonly enrolment: EnrolmentView | undefined;
  readonly onDone: () => void;
}

/** What can be done to one device, by who may. */
export function DeviceActions({ device, enrolment, onDone }: DeviceActionsProps): VNode | null {
  const { identity, models, desiredVersion, desiredModel } = device;
  if (!may("operator")) return null;
  const name = identity.device;
  const expected = desiredVersion === undefined ? {} : { expectedVersion: desiredVersion };
  const done = (words: string): string => {
    onDone();
    return words;
  };
  const push = async (form: FormData): Promise<string> => {
    const budget = budgetIn(textOf(form, "memory"), textOf(form, "window"));
    const model = textOf(form, "model");
    await call("pushConfig", { identity, model, ...budget, ...expected, reason: reasonOf(form) });
    return done(`${name} gets a new configuration for ${model}.`);
  };
  const rollBack = async (form: FormData): Promise<string> => {
    await call("rollbackConfig", { identity, ...expected, reason: reasonOf(form) });
    return done(`${name} gets its last confirmed configuration back.`);
  };
  const probe = async (): Promise<string> => {
    const { models: asked } = await call("probeDevice", { identity });
    return done(`${name} is asked to measure ${asked.join(", ")} again.`);
  };
  const revoke = async (form: FormData): Promise<string> => {
    await call("decideEnrolment", { identity, decision: "revoked", reason: reasonOf(form) });
    return done(`${name} is no longer part of the fleet.`);
  };
  return (
    <>
      {models.length > 0 && (
        <Action label="Push…" title={`Push a new configuration to ${name}`} confirm="Push" look="primary" run={push}>
          <p>It is searched for again, within this budget. Empty: by the fleet's policy.</p>
          <label class="field">
            <span>Model</span>
            <select name="model" value={desiredModel ?? models[0]?.name ?? ""}>
              {models.map(({ name: model }) => (
                <option key={model} value={model}>
                  {model}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Memory</span>
            <input name="memory" placeholder="150MiB" autocomplete="off" />
          </label>
          <label class="field">
            <span>Time of a window</span>
            <input name="window" placeholder="10min" autocomplete="off" />
          </label>
        </Action>
      )}
      {desiredVersion !== undefined && (
        <Action label="Roll back…" title={`Roll ${name} back?`} confirm="Roll back" run={rollBack}>
          <p>It gets the content of its last confirmed configuration, as a new version.</p>
        </Action>
      )}
      <Action
        label="Measure again…"
        title={`Have ${name} measure again?`}
        confirm="Measure"
        asksReason={false}
        run={probe}
      >
        <p>It measures all models that it serves when it is idle.</p>
      </Action>
      {may("admin") && <DeviceLife device={device} onDone={onDone} />}
      {may("admin") && enrolment?.state === "accepted" && (
        <Action label="Revoke…" title={`Revoke ${name}?`} confirm="Revoke" look="danger" run={revoke}>
          <p>Its certificate and its rights end at once. It can come back only when an admin accepts it again.</p>
        </Action>
      )}
    </>
  );
}

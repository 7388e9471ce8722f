import { isName, MpoError } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import type { VNode } from "preact";
import { useId } from "preact/hooks";
import { call } from "../../api/call.ts";
import { pathTo } from "../../state/path-to.ts";
import { go } from "../../state/router.ts";
import { Action, reasonOf, textOf } from "../../ui/action.tsx";

interface LifeProps {
  readonly device: DeviceView;
  readonly onDone: () => void;
}

/** What an admin decides about a device as a whole: which of two it is, its name, and its end. */
export function DeviceLife({ device: { identity, conditions, retiredAtMs }, onDone }: LifeProps): VNode {
  const name = identity.device;
  const doubled = conditions.find(({ code }) => code === "doubled");
  const rename = async (form: FormData): Promise<string> => {
    const newName = textOf(form, "name");
    if (!isName(newName)) throw new MpoError("invalid-argument", "a device's name is 1 to 64 of A-Z a-z 0-9 _ -");
    await call("renameDevice", { identity, newName, reason: reasonOf(form) });
    go(pathTo("devices", newName));
    return `${name} is now called ${newName}.`;
  };
  const retire = async (form: FormData): Promise<string> => {
    await call("retireDevice", { identity, reason: reasonOf(form) });
    onDone();
    return `${name} is retired.`;
  };
  const remove = async (form: FormData): Promise<string> => {
    await call("removeDevice", { identity, reason: reasonOf(form) });
    go("/devices");
    return `${name} is removed.`;
  };
  return (
    <>
      {doubled !== undefined && <Decide identity={identity} says={doubled.message} onDone={onDone} />}
      <Action label="Rename…" title={`Rename ${name}?`} confirm="Rename" run={rename}>
        <p>Stop its agent first. Start it again with --device and the new name, and with the same --data.</p>
        <label class="field">
          <span>New name</span>
          <input name="name" required maxLength={64} autocomplete="off" />
        </label>
      </Action>
      {retiredAtMs === undefined ? (
        <Action label="Retire…" title={`Retire ${name}?`} confirm="Retire" run={retire}>
          <p>It leaves lists, counts and metrics. Nothing is deleted, and it is back when its agent is.</p>
        </Action>
      ) : (
        <Action label="Remove…" title={`Remove ${name}?`} confirm="Remove" look="danger" run={remove}>
          <p>Its profiles, documents and retrainings are deleted. Its events stay.</p>
        </Action>
      )}
    </>
  );
}

/** Agents as the condition names them: `agent 3f9a0c…`. */
const AGENT = /\bagent ([A-Za-z0-9_-]+)/gu;

/** Says which of two agents under one name is the device. */
function Decide({
  identity,
  says,
  onDone,
}: Pick<DeviceView, "identity"> & { readonly says: string; readonly onDone: () => void }): VNode {
  const list = useId();
  const decide = async (form: FormData): Promise<string> => {
    const { kept } = await call("decideDevice", { identity, keep: textOf(form, "keep"), reason: reasonOf(form) });
    onDone();
    return `${identity.device} is the ${kept}.`;
  };
  return (
    <Action
      label="Decide which…"
      title={`Which of the two is ${identity.device}?`}
      confirm="Keep this one"
      look="primary"
      run={decide}
    >
      <p>{says}</p>
      <p>The other one stays parked: it gets no configuration, and its reports are only events.</p>
      <label class="field">
        <span>The agent that is the device, or how it begins</span>
        <input name="keep" required pattern="[A-Za-z0-9_\-]{1,64}" list={list} autocomplete="off" />
      </label>
      <datalist id={list}>
        {[...says.matchAll(AGENT)].map(([, agent]) => (
          <option key={agent} value={agent} />
        ))}
      </datalist>
    </Action>
  );
}

import { Table } from "@mpo/charts";
import { counted, isName, MpoError } from "@mpo/core";
import type { EnrolmentView } from "@mpo/protocol";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import { may, tenant } from "../../state/who.ts";
import { Action, reasonOf, textOf } from "../../ui/action.tsx";
import { Ago } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";

/** Calls that run at once: a thousand devices in seconds, and others are still answered. */
const AT_ONCE = 8;

/** Does something for each, a few at a time. Throws what went wrong, with how many it went well for. */
export async function forEach<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const failures: MpoError[] = [];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await run(item);
      } catch (thrown) {
        failures.push(MpoError.from(thrown));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const [first] = failures;
  if (first === undefined) return;
  if (items.length === 1) throw first;
  throw first.with({ message: `${failures.length} of ${items.length} failed; the first: ${first.message}` });
}

/** What can be done with all devices that are chosen. */
export function BulkActions({
  chosen,
  onDone,
}: {
  readonly chosen: readonly string[];
  readonly onDone: () => void;
}): VNode {
  const count = counted(chosen.length, "device");
  const label = async (form: FormData): Promise<string> => {
    const [name, value, removed] = [textOf(form, "name"), textOf(form, "value"), textOf(form, "removed")];
    for (const one of [name, removed]) {
      if (one !== "" && !isName(one))
        throw new MpoError("invalid-argument", `${one} is not a name for a label: A-Z a-z 0-9 _ -`);
    }
    if (name === "" && removed === "") throw new MpoError("invalid-argument", "no label is named");
    const labels = name === "" ? [] : [{ name, value }];
    await forEach(chosen, (device) =>
      call("labelDevice", {
        identity: { tenant: tenant.value, device },
        labels,
        removed: removed === "" ? [] : [removed],
      }),
    );
    onDone();
    return `Labelled ${count}.`;
  };
  return (
    <fieldset class="bulk" aria-label="With the chosen devices">
      <span>{chosen.length === 0 ? "Choose devices to label them." : `${count} chosen`}</span>
      {may("operator") && (
        <Action
          label="Label…"
          title={`Label ${count}`}
          confirm="Label"
          asksReason={false}
          isDisabled={chosen.length === 0}
          run={label}
        >
          <label class="field">
            <span>Label</span>
            <input name="name" placeholder="site" autocomplete="off" />
          </label>
          <label class="field">
            <span>Value</span>
            <input name="value" placeholder="berlin" maxLength={128} autocomplete="off" />
          </label>
          <label class="field">
            <span>Label to take away (may be empty)</span>
            <input name="removed" autocomplete="off" />
          </label>
        </Action>
      )}
    </fieldset>
  );
}

/** Devices that ask to join, and what an admin says to them. */
export function PendingDevices({
  pending,
  onDone,
}: {
  readonly pending: readonly EnrolmentView[];
  readonly onDone: () => void;
}): VNode | null {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  if (pending.length === 0) return null;
  const those = pending.filter(({ identity }) => chosen.has(identity.device));
  const decide =
    (decision: "accepted" | "rejected") =>
    async (form: FormData): Promise<string> => {
      await forEach(those, ({ identity, keyDigest }) =>
        call("decideEnrolment", { identity, decision, keyDigest, reason: reasonOf(form) }),
      );
      setChosen(new Set());
      onDone();
      return `${decision === "accepted" ? "Accepted" : "Rejected"} ${counted(those.length, "device")}.`;
    };
  const toggle = (name: string): void => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    setChosen(next);
  };
  const count = counted(those.length, "device");
  return (
    <Section
      id="pending"
      title={`Ask to join (${pending.length})`}
      actions={
        may("admin") ? (
          <>
            {those.length === 0 && <span class="faint">Choose which:</span>}
            <Action
              label="Accept…"
              title={`Accept ${count} into the fleet?`}
              confirm="Accept"
              look="primary"
              isDisabled={those.length === 0}
              run={decide("accepted")}
            >
              <p>Compare the key's first characters with what the agent printed.</p>
            </Action>
            <Action
              label="Reject…"
              title={`Reject ${count}?`}
              confirm="Reject"
              look="danger"
              isDisabled={those.length === 0}
              run={decide("rejected")}
            />
          </>
        ) : (
          <span class="faint">An admin accepts or rejects them.</span>
        )
      }
    >
      <Table
        caption="Devices that ask to join"
        columns={["Device", "Asked", "Class", "Board", "From", "Key"]}
        rows={pending.map(({ identity, requestedAtMs, deviceClass = "", board, address, keyDigest }) => ({
          key: identity.device,
          isMarked: chosen.has(identity.device),
          cells: [
            <label key="device" class="choose">
              <input
                type="checkbox"
                checked={chosen.has(identity.device)}
                onChange={() => toggle(identity.device)}
                disabled={!may("admin")}
              />{" "}
              {identity.device}
            </label>,
            requestedAtMs === undefined ? "" : <Ago key="at" at={requestedAtMs} />,
            deviceClass,
            board,
            address,
            <code key="key">{keyDigest.slice(0, 16)}</code>,
          ],
        }))}
      />
    </Section>
  );
}

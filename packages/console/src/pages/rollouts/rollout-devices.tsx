import { Table } from "@mpo/charts";
import { byWhom, counted, formatVersion } from "@mpo/core";
import type { RolloutView, StateCount } from "@mpo/protocol";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { rolloutDevicesOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { pathTo } from "../../state/path-to.ts";
import { Failure } from "../../ui/failure.tsx";
import { Ago, Badge } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";
import { DEVICE_STATE_TONES } from "./waves.tsx";

/** Drawn at first; as many more each time that more are asked for. */
const SHOWN = 200;
const MORE = 1_000;

/** The devices of a rollout in the order of their turn, of one state or of all. */
export function RolloutDevices({ rollout }: { readonly rollout: RolloutView }): VNode {
  const { tenant, name, counts, sinceMs } = rollout;
  const [state, setState] = useState<StateCount["state"]>();
  const [most, setMost] = useState(SHOWN);
  const only = state === undefined ? {} : { state };
  // Counts change as devices do.
  const key = counts.map((one) => `${one.state}${one.devices}`).join();
  const { value, error, reload } = useLoad((signal) => rolloutDevicesOf({ tenant, name, ...only }, most, signal), {
    keys: [tenant, name, state],
  });
  // What is shown stays until the newer has come.
  useEffect(reload, [key, sinceMs, most]);
  const total = state === undefined ? rollout.devices : (counts.find((one) => one.state === state)?.devices ?? 0);
  return (
    <Section
      id="devices"
      title="Devices"
      actions={
        <>
          <label for="device-state">State</label>
          <select
            id="device-state"
            value={state ?? ""}
            onChange={({ currentTarget }) =>
              setState(currentTarget.value === "" ? undefined : (currentTarget.value as StateCount["state"]))
            }
          >
            <option value="">all</option>
            {counts.map((one) => (
              <option key={one.state} value={one.state}>
                {one.state} ({one.devices})
              </option>
            ))}
          </select>
        </>
      }
    >
      <Failure error={error} />
      {value !== undefined && (
        <Table
          caption={`Devices of ${name}, in the order of their turn`}
          columns={[
            "Device",
            "Wave",
            "State",
            "Since",
            { title: "Tries", isNumber: true },
            "Before",
            "Given",
            "Gets",
            "Why",
          ]}
          rows={value.map((one) => {
            const version = (of: typeof one.given): string => (of === undefined ? "none" : formatVersion(of));
            return {
              key: one.device,
              cells: [
                <a key="device" href={pathTo("devices", one.device)}>
                  {one.device}
                </a>,
                one.wave + 1,
                <Badge key="state" tone={DEVICE_STATE_TONES[one.state]}>
                  {one.state}
                </Badge>,
                <Ago key="since" at={one.sinceMs} />,
                one.attempts,
                version(one.before),
                version(one.given),
                one.config,
                <span key="why" class="words">
                  {byWhom(one.message)}
                </span>,
              ],
            };
          })}
        />
      )}
      {value !== undefined && total > value.length && (
        <p>
          The first {value.length.toLocaleString("en")} of {counted(total)}.{" "}
          <button type="button" onClick={() => setMost(value.length + MORE)}>
            Show more
          </button>
        </p>
      )}
    </Section>
  );
}

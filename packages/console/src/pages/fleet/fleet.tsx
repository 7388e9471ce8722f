import { Table } from "@mpo/charts";
import { counted, describeRung, formatShare } from "@mpo/core";
import type { DeviceView, FleetEvent, WindowResult } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { devicesOf, enrolmentsOf, rolloutsOf } from "../../api/pages.ts";
import { now, serverNow } from "../../state/clock.ts";
import { useLoad } from "../../state/load.ts";
import { pathTo } from "../../state/path-to.ts";
import { tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Ago, Badge } from "../../ui/figures.tsx";
import { Empty, Loading, Page, Section } from "../../ui/page.tsx";
import { OUTCOME_TONES, OUTCOMES, PHASE_TONES, presenceOf } from "../words.ts";
import { type FleetFacts, type Matter, mattersOf } from "./attention.ts";

const DAY_MS = 86_400_000;
/** Ages and presence make no events. */
const REFRESH_MS = 15_000;
/** Newest of the day. */
const MOST_EVENTS = 1_000;
/** Devices whose windows are fetched for the page. */
const MOST_WINDOWED = 12;
const SHOWN_MATTERS = 50;

interface FleetView extends FleetFacts {
  readonly windows: readonly (WindowResult & { readonly device: string })[];
  readonly windowCount: number;
}

/** What the fleet is like now, and what needs a person first. */
export function FleetPage(): VNode {
  const name = tenant.value;
  const { value, error } = useLoad((signal) => look(name, signal), {
    keys: [name],
    when: () => true,
    everyMs: REFRESH_MS,
  });
  return (
    <Page title="Fleet">
      <Failure error={error} />
      {value === undefined ? error === undefined && <Loading /> : <Overview view={value} />}
    </Page>
  );
}

async function look(name: string, signal: AbortSignal): Promise<FleetView> {
  const since = serverNow() - DAY_MS;
  const [devices, pending, accepted, rollouts, { events }, authority] = await Promise.all([
    devicesOf(name, "", signal),
    enrolmentsOf(name, "pending", signal),
    enrolmentsOf(name, "accepted", signal),
    rolloutsOf(name, { isActive: true }, signal),
    call("listEvents", { tenant: name, beforeSequence: 0, pageSize: MOST_EVENTS, sinceMs: since }, signal),
    // A coordinator where nobody proves anything has none.
    call("getAuthority", {}, signal).catch(() => undefined),
  ]);
  const windowed = events.filter(({ kind }) => kind.startsWith("window-") && kind !== "window-checked");
  const windows = await windowsOf(name, windowed, since, signal);
  return { devices, pending, accepted, rollouts, events, authority, windows, windowCount: windowed.length };
}

/** The newest windows, with their figures, which events do not have. */
async function windowsOf(
  name: string,
  events: readonly FleetEvent[],
  since: number,
  signal: AbortSignal,
): Promise<FleetView["windows"]> {
  const devices = [...new Set(events.flatMap(({ device }) => device ?? []))].slice(0, MOST_WINDOWED);
  const found = await Promise.all(
    devices.map((device) =>
      call("getDevice", { identity: { tenant: name, device } }, signal).then(
        ({ windows }) => windows.map((window) => ({ ...window, device })),
        // It may have been removed since.
        () => [],
      ),
    ),
  );
  const at = ({ receivedAtMs, openedAtMs }: WindowResult): number => receivedAtMs ?? openedAtMs;
  return found
    .flat()
    .filter((window) => window.outcome !== "checked" && at(window) >= since)
    .sort((left, right) => at(right) - at(left))
    .slice(0, MOST_WINDOWED);
}

function Overview({ view }: { readonly view: FleetView }): VNode {
  const { devices, pending, rollouts } = view;
  if (devices.length === 0 && pending.length === 0) {
    return (
      <Empty title="No device has joined yet.">
        <p>
          Create a join token under <a href="/people">People and tokens</a>, and start an agent on a device with its
          line: <code>mpo agent --join LINE</code>
        </p>
      </Empty>
    );
  }
  const matters = mattersOf(view, now.value);
  return (
    <>
      <Counts devices={devices} pending={pending.length} matters={matters.length} />
      <Attention matters={matters} />
      <Section id="rollouts" title="Rollouts under way" actions={<a href="/rollouts">All rollouts</a>}>
        {rollouts.length === 0 ? (
          <p class="faint">None.</p>
        ) : (
          <ul class="plain-list">
            {rollouts.map(({ name, phase, sinceMs, wave, waves, devices: count }) => (
              <li key={name}>
                <a href={pathTo("rollouts", name)}>{name}</a> <Badge tone={PHASE_TONES[phase]}>{phase}</Badge>{" "}
                <span class="faint">
                  wave {Math.min(wave + 1, waves.length)} of {waves.length}, {counted(count, "device")}, since{" "}
                  <Ago at={sinceMs} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Windows view={view} />
    </>
  );
}

interface CountsProps {
  readonly devices: readonly DeviceView[];
  readonly pending: number;
  readonly matters: number;
}

function Counts({ devices, pending, matters }: CountsProps): VNode {
  const count = (is: (device: DeviceView) => boolean): number => devices.filter(is).length;
  const tiles: readonly (readonly [string, number, string])[] = [
    ["devices", devices.length, "/devices"],
    ["online", count((one) => presenceOf(one) === "online"), where("state = online")],
    ["offline", count((one) => presenceOf(one) === "offline"), where("state = offline")],
    ["retraining", count(({ doing }) => doing?.kind === "window"), "/devices"],
    [matters === 1 ? "needs you" : "need you", matters, "#attention"],
    ["ask to join", pending, "/devices#pending"],
  ];
  return (
    <ul class="tiles" aria-label="Devices by state">
      {tiles.map(([title, number, href]) => (
        <li key={title}>
          <a href={href}>
            <strong>{number.toLocaleString("en")}</strong> <span>{title}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function where(filter: string): string {
  return `/devices?where=${encodeURIComponent(filter)}`;
}

function Attention({ matters }: { readonly matters: readonly Matter[] }): VNode {
  return (
    <Section id="attention" title={matters.length === 0 ? "Nothing needs you" : `Needs you first (${matters.length})`}>
      {matters.length === 0 ? (
        <p class="faint">
          No device waits or is offline, no rollout is halted, no probe has failed, no certificate ends soon.
        </p>
      ) : (
        <Table
          caption="What needs a person, most urgent first"
          columns={["What", "Where", "Why", "Since"]}
          rows={matters.slice(0, SHOWN_MATTERS).map(({ key, rank, what, title, says, sinceMs, href }) => ({
            key,
            cells: [
              <Badge key="what" tone={rank === 0 ? "bad" : rank === 1 ? "warn" : "plain"}>
                {what}
              </Badge>,
              <a key="title" href={href}>
                {title}
              </a>,
              <span key="says" class="words">
                {says}
              </span>,
              sinceMs === undefined ? "" : <Ago key="since" at={sinceMs} />,
            ],
          }))}
        />
      )}
      {matters.length > SHOWN_MATTERS && <p class="faint">and {matters.length - SHOWN_MATTERS} more</p>}
    </Section>
  );
}

function Windows({ view: { windows, windowCount } }: { readonly view: FleetView }): VNode {
  const share = (value: number | undefined): string => (value === undefined ? "–" : formatShare(value));
  return (
    <Section id="windows" title="Retrainings of the last 24 hours">
      {windows.length === 0 ? (
        <p class="faint">
          None. A device retrains when its inputs drift or its schedule says so, and it has a configuration.
        </p>
      ) : (
        <Table
          caption={`The newest of ${counted(windowCount, "retraining")}`}
          showsCaption
          columns={[
            "Device",
            "Ended",
            "Outcome",
            { title: "Accuracy before", isNumber: true },
            { title: "after", isNumber: true },
            "Configuration",
          ]}
          rows={windows.map((window) => ({
            key: `${window.device} ${window.window}`,
            cells: [
              <a key="device" href={pathTo("devices", window.device)}>
                {window.device}
              </a>,
              <Ago key="at" at={window.receivedAtMs ?? window.openedAtMs} />,
              <Badge key="outcome" tone={OUTCOME_TONES[window.outcome]}>
                {OUTCOMES[window.outcome]}
              </Badge>,
              share(window.accuracyBefore),
              share(window.accuracyAfter),
              describeRung(window.rung),
            ],
          }))}
        />
      )}
    </Section>
  );
}

import type {
  AdminServiceMethods,
  DeviceView,
  EnrolmentView,
  FleetEvent,
  ResponseOf,
  RolloutView,
} from "@mpo/protocol";
import { pathTo } from "../../state/path-to.ts";
import { rolloutSays } from "../words.ts";

/** Something that a person should look at. */
export interface Matter {
  readonly key: string;
  /** 0 first: what stops work comes before what will. */
  readonly rank: number;
  readonly what: string;
  readonly title: string;
  readonly says: string;
  readonly sinceMs?: number | undefined;
  readonly href: string;
}

export interface FleetFacts {
  readonly devices: readonly DeviceView[];
  readonly pending: readonly EnrolmentView[];
  readonly accepted: readonly EnrolmentView[];
  readonly rollouts: readonly RolloutView[];
  /** Of the last day. */
  readonly events: readonly FleetEvent[];
  readonly authority?: ResponseOf<AdminServiceMethods["getAuthority"]> | undefined;
}

/** Of its validity: a certificate that has less left was to be renewed long ago (agents renew at half). */
const RENEWAL_SHARE = 0.2;
/** An authority's certificate is replaced by a person, with time to spare. */
const AUTHORITY_LEFT_MS = 30 * 86_400_000;

/** Everything that needs a person, what is most urgent first. */
export function mattersOf(facts: FleetFacts, nowMs: number): readonly Matter[] {
  return [
    ...facts.rollouts.flatMap(ofRollout),
    ...facts.devices.flatMap(ofDevice),
    ...facts.pending.map(ofPending),
    ...failedConfigs(facts),
    ...offline(facts),
    ...failedProbes(facts),
    ...certificates(facts, nowMs),
  ].sort((left, right) => left.rank - right.rank || (left.sinceMs ?? 0) - (right.sinceMs ?? 0));
}

function ofRollout(rollout: RolloutView): readonly Matter[] {
  const { name, phase, sinceMs, waves } = rollout;
  const base = { key: `rollout ${name}`, title: name, sinceMs, href: pathTo("rollouts", name) };
  const says = rolloutSays(rollout);
  if (phase === "halted") return [{ ...base, rank: 0, what: "rollout halted", says }];
  if (phase === "conflicted") return [{ ...base, rank: 0, what: "rollout in conflict", says }];
  const isAsked = phase === "running" && waves.some(({ state }) => state === "approval");
  if (isAsked) return [{ ...base, rank: 2, what: "rollout waits for approval", says }];
  return [];
}

function ofDevice({ identity, conditions, retiredAtMs }: DeviceView): readonly Matter[] {
  const [first, ...more] = conditions;
  if (first === undefined || retiredAtMs !== undefined) return [];
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return [
    {
      key: `device ${identity.device}`,
      rank: first.code === "doubled" ? 0 : 1,
      what: first.code === "doubled" ? "two machines under one name" : first.code.replaceAll("-", " "),
      title: identity.device,
      says: `${first.message}${others}`,
      sinceMs: first.sinceMs,
      href: pathTo("devices", identity.device),
    },
  ];
}

/** More are one line: a rollout that fails may fail on hundreds. */
const MOST_FAILED = 5;

/** Devices that could not take what they should run. */
function failedConfigs({ devices }: FleetFacts): readonly Matter[] {
  const failed = devices.filter(
    ({ reportedStatus, retiredAtMs }) =>
      (reportedStatus?.state === "failed" || reportedStatus?.state === "refused") && retiredAtMs === undefined,
  );
  const [first] = failed;
  const base = { rank: 1, what: "configuration failed" };
  if (first === undefined || failed.length <= MOST_FAILED) {
    return failed.map(({ identity: { device }, reportedStatus }) => ({
      ...{ ...base, key: `config ${device}`, title: device, href: pathTo("devices", device) },
      says: reportedStatus?.message ?? "",
    }));
  }
  const says = `They go on as before, such as ${first.identity.device}: ${first.reportedStatus?.message ?? ""}`;
  return [{ ...base, key: "configs", title: `${failed.length} devices`, says, href: "/devices" }];
}

/** All of them in one line: a site without network may be hundreds. */
function offline({ devices }: FleetFacts): readonly Matter[] {
  const away = devices.filter(({ presence, retiredAtMs }) => presence === "offline" && retiredAtMs === undefined);
  const [first] = away;
  if (first === undefined) return [];
  return [
    {
      ...{ key: "offline", rank: 2, what: "offline" },
      title: away.length === 1 ? first.identity.device : `${away.length} devices`,
      says: "They do not call. They take what is pushed when they are back.",
      sinceMs: Math.min(...away.map(({ lastSeenMs }) => lastSeenMs)),
      href: `/devices?where=${encodeURIComponent("state = offline")}`,
    },
  ];
}

function ofPending({ identity, requestedAtMs, deviceClass, address }: EnrolmentView): Matter {
  return {
    key: `pending ${identity.device}`,
    rank: 2,
    what: "device asks to join",
    title: identity.device,
    says: [deviceClass, address].filter((text) => text !== undefined && text !== "").join(", from "),
    sinceMs: requestedAtMs,
    href: "/devices#pending",
  };
}

/** Devices whose newest probe failed: what came after it on the device says otherwise. */
function failedProbes({ events, devices }: FleetFacts): readonly Matter[] {
  const known = new Set(devices.map(({ identity }) => identity.device));
  const newest = new Map<string, FleetEvent>();
  for (const event of events) {
    const { kind, device } = event;
    if (device === undefined || (kind !== "probe-failed" && kind !== "profile-stored")) continue;
    if ((newest.get(device)?.sequence ?? 0) < event.sequence) newest.set(device, event);
  }
  return [...newest.values()]
    .filter(({ kind, device = "" }) => kind === "probe-failed" && known.has(device))
    .map(({ device = "", message, atMs }) => ({
      key: `probe ${device}`,
      rank: 1,
      what: "probe failed",
      title: device,
      says: message,
      sinceMs: atMs,
      href: pathTo("devices", device),
    }));
}

function certificates({ accepted, authority }: FleetFacts, nowMs: number): readonly Matter[] {
  const leastMs = RENEWAL_SHARE * (authority?.certificateValidMs ?? 0);
  const ofDevices = accepted.flatMap(({ identity, certificateEndsAtMs }) =>
    certificateEndsAtMs === undefined || certificateEndsAtMs - nowMs > leastMs
      ? []
      : [
          {
            key: `certificate ${identity.device}`,
            rank: certificateEndsAtMs < nowMs ? 1 : 3,
            what: certificateEndsAtMs < nowMs ? "certificate has ended" : "certificate about to end",
            title: identity.device,
            says: "It renews by itself when the device is back online; if it is, look at its agent.",
            href: pathTo("devices", identity.device),
          },
        ],
  );
  const first = authority?.certificates[0];
  const isEnding = first !== undefined && first.endsAtMs - nowMs < AUTHORITY_LEFT_MS;
  const ofFleet = isEnding
    ? [
        {
          key: "authority",
          rank: 1,
          what: "the fleet's certificate is about to end",
          title: authority?.fleet ?? "fleet",
          says: "Replace it: mpo ca rotate",
          href: "/people",
        },
      ]
    : [];
  return [...ofFleet, ...ofDevices];
}

import type { DeviceView, EnrolmentView, FleetEvent, RolloutDevice, RolloutView, StateCount } from "@mpo/protocol";
import { call } from "./call.ts";

/** All pages of a list, up to `most`. */
async function allOf<Item>(
  page: (pageToken: { readonly pageToken?: string }) => Promise<{
    readonly items: readonly Item[];
    readonly nextPageToken?: string | undefined;
  }>,
  most: number,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  let pageToken: string | undefined;
  do {
    const { items, nextPageToken } = await page(pageToken === undefined ? {} : { pageToken });
    all.push(...items);
    pageToken = nextPageToken;
  } while (pageToken !== undefined && all.length < most);
  return all;
}

const PAGE_SIZE = 1_000;
/** What a page of the console can hold and still be read. */
const MOST_DEVICES = 100_000;

/** The devices that a filter chooses; without one, all that are not retired. */
export function devicesOf(tenant: string, where: string, signal: AbortSignal): Promise<readonly DeviceView[]> {
  const chosen = where === "" ? {} : { where };
  return allOf(async (token) => {
    const { devices, nextPageToken } = await call(
      "listDevices",
      { tenant, ...chosen, pageSize: PAGE_SIZE, ...token },
      signal,
    );
    return { items: devices, nextPageToken };
  }, MOST_DEVICES);
}

/** Devices that ask to join, or that are part of the fleet. */
export function enrolmentsOf(
  tenant: string,
  state: EnrolmentView["state"],
  signal: AbortSignal,
): Promise<readonly EnrolmentView[]> {
  return allOf(async (token) => {
    const { enrolments, nextPageToken } = await call(
      "listEnrolments",
      { tenant, state, pageSize: PAGE_SIZE, ...token },
      signal,
    );
    return { items: enrolments, nextPageToken };
  }, MOST_DEVICES);
}

/** The devices of a rollout in the order of their turn, of one state or of all; at least `most`, where there are. */
export async function rolloutDevicesOf(
  of: { readonly tenant: string; readonly name: string; readonly state?: StateCount["state"] },
  most: number,
  signal: AbortSignal,
): Promise<readonly RolloutDevice[]> {
  return await allOf(async (token) => {
    const pageSize = Math.min(PAGE_SIZE, most);
    const { devices, nextPageToken } = await call("listRolloutDevices", { ...of, pageSize, ...token }, signal);
    return { items: devices, nextPageToken };
  }, most);
}

const EVENT_PAGE = 500;

/** The newest events of a tenant or a device, newest first. */
export async function eventsOf(
  of: { readonly tenant: string; readonly device?: string },
  most: number,
  signal: AbortSignal,
): Promise<readonly FleetEvent[]> {
  const all: FleetEvent[] = [];
  for (let beforeSequence = 0, isOver = false; !isOver && all.length < most; ) {
    const { events } = await call("listEvents", { ...of, beforeSequence, pageSize: EVENT_PAGE }, signal);
    all.push(...events);
    isOver = events.length < EVENT_PAGE;
    beforeSequence = events.at(-1)?.sequence ?? 0;
  }
  return all;
}

const ROLLOUT_PAGE = 100;
const MOST_ROLLOUTS = 500;

/** Rollouts, newest first. */
export function rolloutsOf(
  tenant: string,
  { isActive }: { readonly isActive?: boolean },
  signal: AbortSignal,
): Promise<readonly RolloutView[]> {
  const only = isActive === undefined ? {} : { isActive };
  return allOf(async (token) => {
    const { rollouts, nextPageToken } = await call(
      "listRollouts",
      { tenant, ...only, pageSize: ROLLOUT_PAGE, ...token },
      signal,
    );
    return { items: rollouts, nextPageToken };
  }, MOST_ROLLOUTS);
}

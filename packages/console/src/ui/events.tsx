import { Table } from "@mpo/charts";
import { byWhom } from "@mpo/core";
import type { FleetEvent } from "@mpo/protocol";
import type { VNode } from "preact";
import { pathTo } from "../state/path-to.ts";
import { Moment } from "./figures.tsx";

/** Of the fleet as a whole, which events name like a device. */
const FLEET = "fleet";

/** What happened: when, what, to which device, by whom. */
export function EventTable({
  events,
  caption,
  hasDevice = true,
}: {
  readonly events: readonly FleetEvent[];
  readonly caption: string;
  readonly hasDevice?: boolean;
}): VNode {
  return (
    <Table
      caption={caption}
      columns={["When", "What", ...(hasDevice ? ["Device"] : []), "Who", "Says"]}
      rows={events.map(({ sequence, atMs, kind, device, actor, message }) => ({
        key: String(sequence),
        cells: [
          <Moment key="at" at={atMs} hasSeconds />,
          kind,
          ...(hasDevice
            ? [
                device === undefined || device === FLEET ? (
                  "the fleet"
                ) : (
                  <a key="device" href={pathTo("devices", device)}>
                    {device}
                  </a>
                ),
              ]
            : []),
          byWhom(actor),
          <span key="says" class="words">
            {message}
          </span>,
        ],
      }))}
    />
  );
}

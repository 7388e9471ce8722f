import { list, type MessageField, message, orEmpty } from "./composed-fields.ts";
import { integer, MESSAGE_LENGTH, name, text, timestampMs, whole } from "./fields.ts";
import type { Event__Output } from "./gen/mpo/v1/Event.ts";
import type { ListEventsRequest__Output } from "./gen/mpo/v1/ListEventsRequest.ts";
import type { ListEventsResponse__Output } from "./gen/mpo/v1/ListEventsResponse.ts";
import type { WatchEventsRequest__Output } from "./gen/mpo/v1/WatchEventsRequest.ts";
import type { WatchEventsResponse__Output } from "./gen/mpo/v1/WatchEventsResponse.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";

/** Something that happened in the fleet: who did what to which device. */
export interface FleetEvent {
  /** Position in the order of all events. */
  readonly sequence: number;
  readonly atMs: number;
  readonly kind: string;
  readonly tenant: string;
  readonly device?: string;
  readonly actor: string;
  readonly message: string;
}

/** Asks for events before a position (0: from the newest), newest first. */
export interface ListEventsRequest {
  readonly tenant: string;
  readonly device?: string;
  readonly beforeSequence: number;
  readonly pageSize: number;
}

/** Events, newest first. */
export interface ListEventsResponse {
  readonly events: readonly FleetEvent[];
}

/** Asks to be told of events behind a position (0: only new ones). */
export interface WatchEventsRequest {
  readonly tenant: string;
  readonly device?: string;
  readonly afterSequence: number;
}

/** One event, as it happens. */
export interface WatchEventsResponse {
  readonly event: FleetEvent;
}

const event: MessageField<FleetEvent> = message<FleetEvent, Event__Output>("Event", {
  sequence: whole({ min: 1 }),
  atMs: timestampMs(),
  kind: name(),
  tenant: name(),
  device: orEmpty(name()),
  actor: text({ min: 1, max: 128 }),
  message: text({ max: MESSAGE_LENGTH }),
});

const listEventsRequest: MessageField<ListEventsRequest> = message<ListEventsRequest, ListEventsRequest__Output>(
  "ListEventsRequest",
  {
    tenant: name(),
    device: orEmpty(name()),
    beforeSequence: whole(),
    pageSize: integer({ min: 1, max: 1000 }),
  },
);

const listEventsResponse: MessageField<ListEventsResponse> = message<ListEventsResponse, ListEventsResponse__Output>(
  "ListEventsResponse",
  { events: list(event, { max: 1000 }) },
);

const watchEventsRequest: MessageField<WatchEventsRequest> = message<WatchEventsRequest, WatchEventsRequest__Output>(
  "WatchEventsRequest",
  { tenant: name(), device: orEmpty(name()), afterSequence: whole() },
);

const watchEventsResponse: MessageField<WatchEventsResponse> = message<
  WatchEventsResponse,
  WatchEventsResponse__Output
>("WatchEventsResponse", { event });

const limit = LIMITS.adminMessageBytes;
export const fleetEventCodec: MessageCodec<FleetEvent> = messageCodec(event, LIMITS.deviceMessageBytes);
export const listEventsRequestCodec: MessageCodec<ListEventsRequest> = messageCodec(listEventsRequest, limit);
export const listEventsResponseCodec: MessageCodec<ListEventsResponse> = messageCodec(listEventsResponse, limit);
export const watchEventsRequestCodec: MessageCodec<WatchEventsRequest> = messageCodec(watchEventsRequest, limit);
export const watchEventsResponseCodec: MessageCodec<WatchEventsResponse> = messageCodec(watchEventsResponse, limit);

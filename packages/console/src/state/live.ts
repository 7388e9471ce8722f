import type { FleetEvent } from "@mpo/protocol";
import { type ReadonlySignal, signal } from "@preact/signals";
import { signedOut } from "./who.ts";

/** Whether events come in: what is shown changes by itself. */
const connection = signal<"connecting" | "live" | "lost">("connecting");
export const liveState: ReadonlySignal<"connecting" | "live" | "lost"> = connection;

type Listener = (event: FleetEvent) => void;
const listeners = new Set<Listener>();

/** Calls with each event from now on; the answer ends it. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Two refusals in a row without any answer may be a session that is over: the next call would say so. */
const REFUSALS = 2;

/**
 * Follows the events of a tenant until it is ended. A lost connection is made again where it ended, also to another
 * coordinator: nothing is missed, and nothing comes twice.
 */
export function followEvents(tenant: string, isSignedIn: () => Promise<boolean>): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = 0;
  let failures = 0;
  const connect = (): void => {
    // The browser's own reconnecting would go on without end where the session is over.
    const after = last === 0 ? "" : `&afterSequence=${last}`;
    source = new EventSource(`/api/v1/events?tenant=${encodeURIComponent(tenant)}${after}`);
    source.onopen = () => {
      connection.value = "live";
      failures = 0;
    };
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      const event = eventIn(data);
      const sequence = Number(lastEventId) || (event?.sequence ?? 0);
      if (event === undefined || sequence <= last) return;
      last = sequence;
      for (const listener of listeners) listener(event);
    };
    source.onerror = () => {
      source?.close();
      connection.value = "lost";
      failures += 1;
      timer = setTimeout(again, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures));
    };
  };
  const again = (): void => {
    if (failures < REFUSALS) return connect();
    isSignedIn().then(
      (isIn) => (isIn ? connect() : signedOut()),
      () => connect(),
    );
  };
  connection.value = "connecting";
  connect();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}

function eventIn(data: string): FleetEvent | undefined {
  try {
    const found = JSON.parse(data) as FleetEvent | { readonly event: FleetEvent };
    return "event" in found ? found.event : found;
  } catch {
    return undefined;
  }
}

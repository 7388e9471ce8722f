import type { FleetEvent } from "@mpo/protocol";
import { type ReadonlySignal, signal } from "@preact/signals";
import { signedOut } from "./who.ts";

/** Whether events come in: what is shown changes by itself. */
const connection = signal<"connecting" | "live" | "lost">("connecting");
export const liveState: ReadonlySignal<"connecting" | "live" | "lost"> = connection;

type Listener = (event: FleetEvent) => void;
const listeners = new Set<Listener>();
const resyncs = new Set<() => void>();

/** Calls with each event from now on; the answer ends it. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Calls when what was fetched before may be missing something: the stream begins anew. The answer ends it. */
export function onResync(resync: () => void): () => void {
  resyncs.add(resync);
  return () => resyncs.delete(resync);
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** After so many in a row it is asked whether the session is over. */
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
    const after = last === 0 ? "" : `&after=${last}`;
    source = new EventSource(`/api/v1/events?tenant=${encodeURIComponent(tenant)}${after}`);
    source.addEventListener("ready", ({ data }: MessageEvent<string>) => {
      connection.value = "live";
      failures = 0;
      const { sequence, isResumed } = JSON.parse(data) as { readonly sequence: number; readonly isResumed: boolean };
      last = Math.max(last, sequence);
      if (!isResumed) for (const resync of resyncs) resync();
    });
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      const event = JSON.parse(data) as FleetEvent;
      const sequence = Number(lastEventId);
      if (sequence <= last) return;
      last = sequence;
      for (const listener of listeners) listener(event);
    };
    source.addEventListener("end", ({ data }: MessageEvent<string>) => {
      const { code } = JSON.parse(data) as { readonly code?: string };
      if (code === "unauthenticated") signedOut();
    });
    source.onerror = () => {
      // The browser's own reconnecting would go on without end where the session is over.
      source?.close();
      connection.value = "lost";
      failures += 1;
      timer = setTimeout(again, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures));
    };
  };
  const again = (): void => {
    // A single one is a coordinator that was restarted.
    const look = failures < REFUSALS ? Promise.resolve(true) : isSignedIn();
    look.then(
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

import { counted, isName } from "@mpo/core";
import type { FleetEvent } from "@mpo/protocol";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/call.ts";
import { onEvent } from "../state/live.ts";
import { useLoad } from "../state/load.ts";
import { go, here } from "../state/router.ts";
import { tenant, who } from "../state/who.ts";
import { EventTable } from "../ui/events.tsx";
import { Failure } from "../ui/failure.tsx";
import { Empty, Loading, Page } from "../ui/page.tsx";
import { Verify } from "./verify.tsx";

const PAGE_SIZE = 200;
/** What is kept on the page however long it stays open. */
const MOST = 1_000;
/** Many events are drawn at once. */
const GATHER_MS = 250;

/** Who did what, when: everything that has changed the fleet, newest first, as it happens. */
export function AuditPage(): VNode {
  const { query } = here.value;
  const person = who.value;
  const device = query.get("device") ?? "";
  const words = query.get("words") ?? "";
  return (
    <Page title="Audit">
      <form
        class="filter"
        key={`${device} ${words}`}
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget as HTMLFormElement);
          const chosen = [...form].filter(([, value]) => value !== "") as [string, string][];
          go(chosen.length === 0 ? "/audit" : `/audit?${new URLSearchParams(chosen)}`);
        }}
      >
        <label>
          Device <input name="device" value={device} pattern="[A-Za-z0-9_\-]{1,64}" autocomplete="off" />
        </label>
        <label>
          What, who or says <input name="words" value={words} autocomplete="off" placeholder="rolled-back" />
        </label>
        <button type="submit" class="primary">
          Apply
        </button>
        {(device !== "" || words !== "") && <a href="/audit">Clear</a>}
      </form>
      {person?.tenant === undefined && <Verify />}
      <Events key={`${tenant.value} ${device}`} device={isName(device) ? device : ""} words={words.toLowerCase()} />
    </Page>
  );
}

function Events({ device, words }: { readonly device: string; readonly words: string }): VNode {
  const of = { tenant: tenant.value, ...(device === "" ? {} : { device }) };
  const [newer, setNewer] = useState<readonly FleetEvent[]>([]);
  const [older, setOlder] = useState<readonly FleetEvent[]>([]);
  const [isOver, setOver] = useState(false);
  const first = useLoad((signal) => call("listEvents", { ...of, beforeSequence: 0, pageSize: PAGE_SIZE }, signal), {
    keys: [],
    // Each event comes by itself; only where some may have been missed are they asked for again.
    when: () => false,
  });
  useEffect(() => {
    let come: FleetEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      const these = come;
      [come, timer] = [[], undefined];
      setNewer((before) => [...these.reverse(), ...before].slice(0, MOST));
    };
    const off = onEvent((event) => {
      if (device !== "" && event.device !== device) return;
      come.push(event);
      timer ??= setTimeout(show, GATHER_MS);
    });
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [device]);
  if (first.value === undefined) return first.error === undefined ? <Loading /> : <Failure error={first.error} />;
  const bySequence = new Map([...older, ...first.value.events, ...newer].map((event) => [event.sequence, event]));
  const all = [...bySequence.values()].sort((left, right) => right.sequence - left.sequence);
  const shown = words === "" ? all : all.filter((event) => textOf(event).includes(words));
  const last = all.at(-1)?.sequence;
  const more = async (): Promise<void> => {
    if (last === undefined) return;
    const { events } = await call("listEvents", { ...of, beforeSequence: last, pageSize: PAGE_SIZE });
    setOlder((before) => [...before, ...events]);
    if (events.length < PAGE_SIZE) setOver(true);
  };
  const isWhole = isOver || first.value.events.length < PAGE_SIZE;
  return (
    <>
      <p class="faint" role="status">
        {counted(shown.length, "event")}
        {isWhole ? "" : " of the newest"}
      </p>
      {shown.length === 0 ? (
        <Empty title="Nothing that fits has happened yet." />
      ) : (
        <EventTable events={shown} caption="Events, newest first" />
      )}
      {!isWhole && (
        <button type="button" onClick={() => void more()}>
          Show older
        </button>
      )}
    </>
  );
}

function textOf({ kind, actor, message }: FleetEvent): string {
  return `${kind} ${actor} ${message}`.toLowerCase();
}

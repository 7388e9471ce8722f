import { MpoError } from "@mpo/core";
import type { FleetEvent } from "@mpo/protocol";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { onEvent, onResync } from "./live.ts";

/** Something that is fetched, and stays as it is on the coordinator. */
export interface Loaded<Value> {
  /** The newest that came; undefined: none yet. */
  readonly value: Value | undefined;
  /** Why the newest try did not succeed. */
  readonly error: MpoError | undefined;
  readonly reload: () => void;
}

interface LoadOptions {
  /** Fetched again when one of these changes. */
  readonly keys: readonly unknown[];
  /** Events after which it is fetched again; default: none. */
  readonly when?: (event: FleetEvent) => boolean;
  /** And as often as that, for what makes no event, such as free memory; default: never. */
  readonly everyMs?: number;
}

/** Many events make one fetch. */
const GATHER_MS = 400;

/** Fetches something while a part of the page is shown. What has come stays until something newer has. */
export function useLoad<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  { keys, when, everyMs }: LoadOptions,
): Loaded<Value> {
  const [state, setState] = useState<{ value?: Value; error?: MpoError }>({});
  const reload = useRef<() => void>(() => undefined);
  const whenNow = useRef(when);
  whenNow.current = when;
  const loadNow = useRef(load);
  loadNow.current = load;
  useEffect(() => {
    const ends = new AbortController();
    let running = false;
    let isAsked = false;
    let gather: ReturnType<typeof setTimeout> | undefined;
    const run = (): void => {
      isAsked = true;
      if (running) return;
      running = true;
      isAsked = false;
      loadNow
        .current(ends.signal)
        .then(
          (value) => !ends.signal.aborted && setState({ value }),
          (thrown: unknown) =>
            !ends.signal.aborted && setState((before) => ({ ...before, error: MpoError.from(thrown) })),
        )
        .finally(() => {
          running = false;
          if (isAsked && !ends.signal.aborted) run();
        });
    };
    const soon = (): void => {
      gather ??= setTimeout(() => {
        gather = undefined;
        run();
      }, GATHER_MS);
    };
    reload.current = run;
    setState({});
    run();
    const offs = [
      onEvent((event) => whenNow.current?.(event) === true && soon()),
      onResync(() => whenNow.current !== undefined && soon()),
    ];
    const timer = everyMs === undefined ? undefined : setInterval(() => !document.hidden && run(), everyMs);
    return () => {
      ends.abort();
      for (const off of offs) off();
      clearTimeout(gather);
      clearInterval(timer);
    };
  }, keys);
  return { value: state.value, error: state.error, reload: useCallback(() => reload.current(), []) };
}

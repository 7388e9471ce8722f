import type { DeviceView } from "@mpo/protocol";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DeviceColumn } from "./columns.tsx";

/** As the style sheet has it: rows that are not drawn take their place by it. */
const ROW_PX = 37;
/** Drawn above and below what is seen, so that fast scrolling shows no gap. */
const SPARE_ROWS = 12;
const FIRST_ROWS = 40;

interface DeviceRowsProps {
  readonly devices: readonly DeviceView[];
  readonly columns: readonly DeviceColumn[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly sort: { readonly id: string; readonly isDown: boolean };
  readonly onSort: (id: string) => void;
}

/** Devices as a table of which only the rows that are seen are drawn: ten thousand scroll as ten do. */
export function DeviceRows({ devices, columns, chosen, onChoose, sort, onSort }: DeviceRowsProps): VNode {
  const frame = useRef<HTMLElement>(null);
  const [range, setRange] = useState({ from: 0, to: FIRST_ROWS });
  const look = (): void => {
    const { scrollTop = 0, clientHeight = 0 } = frame.current ?? {};
    const from = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE_ROWS);
    const to = Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE_ROWS;
    setRange((before) => (before.from === from && before.to === to ? before : { from, to }));
  };
  useEffect(() => {
    look();
    const sizes = new ResizeObserver(look);
    if (frame.current !== null) sizes.observe(frame.current);
    return () => sizes.disconnect();
  }, [devices.length]);
  const from = Math.min(range.from, Math.max(0, devices.length - 1));
  const shown = devices.slice(from, range.to);
  const below = Math.max(0, devices.length - from - shown.length);
  const isAll = devices.length > 0 && devices.every(({ identity }) => chosen.has(identity.device));
  const toggle = (name: string): void => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChoose(next);
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame virtual" aria-label="Devices" tabIndex={0} ref={frame} onScroll={look}>
      <table aria-rowcount={devices.length + 1}>
        <caption class="hidden">Devices</caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="check">
              <input
                type="checkbox"
                aria-label="Choose all that are listed"
                checked={isAll}
                onChange={() => onChoose(isAll ? new Set() : new Set(devices.map(({ identity }) => identity.device)))}
              />
            </th>
            {columns.map(({ id, title, isNumber, by }) => (
              <th
                key={id}
                scope="col"
                class={isNumber === true ? "number" : ""}
                {...(sort.id === id ? { "aria-sort": sort.isDown ? "descending" : "ascending" } : {})}
              >
                {by === undefined ? (
                  title
                ) : (
                  <button type="button" class="sort" onClick={() => onSort(id)}>
                    {title}
                    <span aria-hidden="true">{sort.id === id ? (sort.isDown ? " ▼" : " ▲") : ""}</span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Space height={from * ROW_PX} span={columns.length + 1} />}
          {shown.map((device, index) => {
            const name = device.identity.device;
            return (
              <tr key={name} aria-rowindex={from + index + 2} class={chosen.has(name) ? "marked" : ""}>
                <td class="check">
                  <input
                    type="checkbox"
                    aria-label={`Choose ${name}`}
                    checked={chosen.has(name)}
                    onChange={() => toggle(name)}
                  />
                </td>
                {columns.map(({ id, isNumber, cell }, at) =>
                  at === 0 ? (
                    <th key={id} scope="row">
                      {cell(device)}
                    </th>
                  ) : (
                    <td key={id} class={isNumber === true ? "number" : ""}>
                      {cell(device)}
                    </td>
                  ),
                )}
              </tr>
            );
          })}
          {below > 0 && <Space height={below * ROW_PX} span={columns.length + 1} />}
        </tbody>
      </table>
    </section>
  );
}

/** Rows that are not drawn. */
function Space({ height, span }: { readonly height: number; readonly span: number }): VNode {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it cannot have the focus, and says nothing
    <tr aria-hidden="true" class="space">
      <td colSpan={span} style={{ height: `${height}px` }} />
    </tr>
  );
}

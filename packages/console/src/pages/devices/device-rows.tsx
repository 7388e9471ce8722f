import type { DeviceView } from "@mpo/protocol";
import { Component, createRef, type VNode } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { DeviceColumn } from "./columns.tsx";

/** As the style sheet has it: rows that are not drawn take their place by it. */
const ROW_PX = 37;
/** Drawn above and below what is seen, so that fast scrolling shows no gap. */
const SPARE_ROWS = 12;
const FIRST_ROWS = 40;
const CHECK_PX = 48;

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
  const widthPx = columns.reduce((sum, column) => sum + column.widthPx, CHECK_PX);
  const isAll = devices.length > 0 && devices.every(({ identity }) => chosen.has(identity.device));
  const latest = useRef({ chosen, onChoose });
  latest.current = { chosen, onChoose };
  const toggle = useCallback((name: string): void => {
    const next = new Set(latest.current.chosen);
    if (!next.delete(name)) next.add(name);
    latest.current.onChoose(next);
  }, []);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame virtual" aria-label="Devices" tabIndex={0} ref={frame} onScroll={look}>
      <table aria-rowcount={devices.length + 1} style={{ minWidth: `${widthPx}px` }}>
        <caption class="hidden">Devices</caption>
        <colgroup>
          <col style={{ width: `${CHECK_PX}px` }} />
          {columns.map(({ id, widthPx }) => (
            <col key={id} style={{ width: `${widthPx}px` }} />
          ))}
        </colgroup>
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
          {shown.map((device, index) => (
            <DeviceRow
              // The row that has left the view is the one that comes in: its cells get new texts, and none is made.
              key={(from + index) % Math.max(1, range.to - range.from)}
              device={device}
              rowIndex={from + index + 2}
              columns={columns}
              isChosen={chosen.has(device.identity.device)}
              onToggle={toggle}
            />
          ))}
          {below > 0 && <Space height={below * ROW_PX} span={columns.length + 1} />}
        </tbody>
      </table>
    </section>
  );
}

interface DeviceRowProps {
  readonly device: DeviceView;
  readonly rowIndex: number;
  readonly columns: readonly DeviceColumn[];
  readonly isChosen: boolean;
  readonly onToggle: (name: string) => void;
}

/** A row is drawn again only where something of it has changed: most stay as they are while others scroll in. */
class DeviceRow extends Component<DeviceRowProps> {
  readonly #row = createRef<HTMLTableRowElement>();

  override shouldComponentUpdate(next: DeviceRowProps): boolean {
    const { device, rowIndex, columns, isChosen } = this.props;
    return (
      next.device !== device || next.rowIndex !== rowIndex || next.isChosen !== isChosen || next.columns !== columns
    );
  }

  /** What had the focus is another device's now: a key that is pressed must not be for it. */
  override componentDidUpdate({ device }: DeviceRowProps): void {
    const { activeElement } = document;
    if (device.identity.device === this.props.device.identity.device) return;
    if (activeElement instanceof HTMLElement && this.#row.current?.contains(activeElement) === true)
      activeElement.blur();
  }

  override render({ device, rowIndex, columns, isChosen, onToggle }: DeviceRowProps): VNode {
    const name = device.identity.device;
    return (
      <tr ref={this.#row} aria-rowindex={rowIndex} class={isChosen ? "marked" : ""}>
        <td class="check">
          <input type="checkbox" aria-label={`Choose ${name}`} checked={isChosen} onChange={() => onToggle(name)} />
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
  }
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

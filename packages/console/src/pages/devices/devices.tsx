import { counted, isName, MpoError } from "@mpo/core";
import type { DeviceView, GroupView } from "@mpo/protocol";
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import { devicesOf, enrolmentsOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { go, here } from "../../state/router.ts";
import { may, tenant } from "../../state/who.ts";
import { Action, textOf } from "../../ui/action.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Empty, Loading, Page } from "../../ui/page.tsx";
import { BulkActions, PendingDevices } from "./bulk.tsx";
import { DEVICE_COLUMNS, storeColumns, storedColumns } from "./columns.tsx";
import type { Vocabulary } from "./complete.ts";
import { DeviceRows } from "./device-rows.tsx";
import { FilterBox } from "./filter-box.tsx";

/** Free memory and presence make no events; ten thousand devices are some MiB each time. */
const REFRESH_MS = 20_000;

/** All devices: filtered, sorted, labelled, let in. */
export function DevicesPage(): VNode {
  const name = tenant.value;
  const filter = here.value.query.get("where") ?? "";
  const devices = useLoad((signal) => devicesOf(name, filter, signal), {
    keys: [name, filter],
    when: ({ kind }) => /^(?:device|condition|document|config|window)/u.test(kind),
    everyMs: REFRESH_MS,
  });
  const groups = useLoad(async (signal) => (await call("listGroups", { tenant: name }, signal)).groups, {
    keys: [name],
    when: ({ kind }) => kind.startsWith("group-"),
  });
  const pending = useLoad((signal) => enrolmentsOf(name, "pending", signal), {
    keys: [name],
    when: ({ kind }) => kind.startsWith("device"),
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const list = devices.value ?? [];
  const texts = useMemo(() => new Map((groups.value ?? []).map((one) => [one.name, one.where])), [groups.value]);
  const words = useMemo(() => vocabularyOf(list, groups.value ?? []), [devices.value, groups.value]);
  const choose = (where: string): void => {
    setChosen(new Set());
    go(where === "" ? "/devices" : `/devices?where=${encodeURIComponent(where)}`);
  };
  const listed = new Set(list.map(({ identity }) => identity.device));
  return (
    <Page title="Devices">
      <PendingDevices
        pending={pending.value ?? []}
        onDone={() => {
          pending.reload();
          devices.reload();
        }}
      />
      <FilterBox value={filter} words={words} groups={texts} onChoose={choose} />
      <Groups groups={groups.value ?? []} filter={filter} onChoose={choose} onChange={groups.reload} />
      <Failure error={devices.error} />
      {devices.value === undefined ? (
        devices.error === undefined && <Loading />
      ) : (
        <List
          devices={list}
          filter={filter}
          chosen={new Set([...chosen].filter((one) => listed.has(one)))}
          onChoose={setChosen}
          onDone={devices.reload}
        />
      )}
    </Page>
  );
}

interface ListProps {
  readonly devices: readonly DeviceView[];
  readonly filter: string;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly onDone: () => void;
}

function List({ devices, filter, chosen, onChoose, onDone }: ListProps): VNode {
  const [ids, setIds] = useState(storedColumns);
  const [sort, setSort] = useState({ id: "device", isDown: false });
  const columns = useMemo(() => DEVICE_COLUMNS.filter(({ id }) => ids.includes(id) || id === "device"), [ids]);
  const sorted = useMemo(() => sortedBy(devices, sort), [devices, sort]);
  if (devices.length === 0) return <Nothing filter={filter} />;
  const toggle = (id: string): void => {
    const next = ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id];
    storeColumns(next);
    setIds(next);
  };
  return (
    <>
      <div class="above-table">
        <p role="status">{counted(devices.length, "device")}</p>
        <BulkActions chosen={[...chosen]} onDone={onDone} />
        <details class="columns">
          <summary>Columns</summary>
          <div class="menu">
            {DEVICE_COLUMNS.slice(1).map(({ id, title }) => (
              <label key={id}>
                <input type="checkbox" checked={ids.includes(id)} onChange={() => toggle(id)} /> {title}
              </label>
            ))}
          </div>
        </details>
      </div>
      <DeviceRows
        devices={sorted}
        columns={columns}
        chosen={chosen}
        onChoose={onChoose}
        sort={sort}
        onSort={(id) => setSort((before) => ({ id, isDown: before.id === id && !before.isDown }))}
      />
    </>
  );
}

function Nothing({ filter }: { readonly filter: string }): VNode {
  if (filter !== "") {
    return (
      <Empty title="No device is chosen by this filter.">
        <a href="/devices">Show all devices</a>
      </Empty>
    );
  }
  return (
    <Empty title="No device is part of this fleet yet.">
      <p>
        Create a join token under <a href="/people">People and tokens</a>, and start an agent with its line.
      </p>
    </Empty>
  );
}

function sortedBy(
  devices: readonly DeviceView[],
  { id, isDown }: { readonly id: string; readonly isDown: boolean },
): readonly DeviceView[] {
  const by = DEVICE_COLUMNS.find((column) => column.id === id)?.by;
  if (by === undefined) return devices;
  const keyed = devices.map((device) => ({ device, key: by(device) }));
  keyed.sort((left, right) => {
    const order = left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
    return isDown ? -order : order;
  });
  return keyed.map(({ device }) => device);
}

function vocabularyOf(devices: readonly DeviceView[], groups: readonly GroupView[]): Vocabulary {
  const labels = new Map<string, Set<string>>();
  const models = new Set<string>();
  const classes = new Set<string>();
  for (const device of devices) {
    for (const { name, value } of device.labels) labels.set(name, (labels.get(name) ?? new Set()).add(value));
    for (const model of device.models) models.add(model.name);
    classes.add(device.inventory.deviceClass);
  }
  return {
    labels: new Map([...labels].map(([label, values]) => [label, [...values].sort()])),
    groups: groups.map((group) => group.name),
    models: [...models].sort(),
    classes: [...classes].sort(),
  };
}

interface GroupsProps {
  readonly groups: readonly GroupView[];
  readonly filter: string;
  readonly onChoose: (where: string) => void;
  readonly onChange: () => void;
}

/** Filters that are saved under names. */
function Groups({ groups, filter, onChoose, onChange }: GroupsProps): VNode | null {
  const save = async (form: FormData): Promise<string> => {
    const group = textOf(form, "name");
    if (!isName(group)) throw new MpoError("invalid-argument", "a group's name is 1 to 64 of A-Z a-z 0-9 _ -");
    await call("saveGroup", {
      tenant: tenant.value,
      name: group,
      where: filter,
      description: textOf(form, "description"),
    });
    onChange();
    return `Saved as ${group}.`;
  };
  const maySave = filter !== "" && may("operator");
  if (groups.length === 0 && !maySave) return null;
  return (
    <div class="groups">
      <span class="faint">Groups</span>
      {groups.map(({ name, where, description, deviceCount }) => (
        <button
          key={name}
          type="button"
          class="chip"
          title={`${where}${description === "" ? "" : `: ${description}`}`}
          aria-pressed={filter === `group = ${name}`}
          onClick={() => onChoose(`group = ${name}`)}
        >
          {name} <span class="faint">{deviceCount ?? "cannot be read"}</span>
        </button>
      ))}
      {maySave && (
        <Action label="Save as group…" title="Save this filter as a group" confirm="Save" asksReason={false} run={save}>
          <pre class="words">{filter}</pre>
          <label class="field">
            <span>Name</span>
            <input name="name" required autocomplete="off" />
          </label>
          <label class="field">
            <span>What it is for (may be empty)</span>
            <input name="description" maxLength={256} autocomplete="off" />
          </label>
        </Action>
      )}
    </div>
  );
}

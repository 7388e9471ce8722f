import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import type { DeviceView } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { createCoordinator } from "../coordinator.ts";
import { resolveSettings } from "../settings.ts";
import { CALL, eventually, freshServer, helloOf, identityOf, RESOURCES, reportOf } from "../testing/tiny-fleet.ts";

const FIVE_MINUTES_MS = 300_000;
const identity = identityOf("pi-1");

test("a document that waits is shown in lists, the device and metrics, also while the device is away", async (t) => {
  const clock = new VirtualClock(1_700_000_000_000);
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const ports = { store: freshServer().connect(), logger: silentLogger, newId, clock };
  const { fleet, admin, metrics, ...coordinator } = createCoordinator(resolveSettings({}, newId), ports);
  await coordinator.start();
  t.after(() => coordinator.stop());
  await fleet.hello(helloOf("pi-1"), CALL);
  await fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
  const { version } = (await eventually(() => admin.getConfig({ identity }, CALL).catch(() => undefined))).document;
  const heartbeat = (appliedVersion: typeof version) =>
    fleet.heartbeat({ identity, resources: RESOURCES, conditions: [], appliedVersion }, CALL);
  await heartbeat(version);

  const shown = async (): Promise<readonly string[]> => {
    const { devices } = admin.listDevices({ tenant: "acme", pageSize: 10 });
    const { device } = await admin.getDevice({ identity }, CALL);
    // Longer than a count is kept.
    await new Promise((resolve) => setTimeout(resolve, 60));
    const isCounted = (await metrics.page()).text.includes('mpo_device_conditions{code="document-pending"} 1');
    const words = ({ presence, conditions }: DeviceView): string =>
      [presence, ...conditions.map(({ code, message }) => `${code}: ${message}`)].join("; ");
    return [...new Set([...devices, device].map(words)), ...(isCounted ? ["counted"] : [])];
  };
  await clock.advance(FIVE_MINUTES_MS);
  assert.deepEqual(await shown(), ["offline"], "it has applied all that was pushed");

  const { document } = await admin.pushConfig({ identity, model: "tiny", reason: "" }, CALL);
  assert.deepEqual(await shown(), ["offline"], "it is soon yet");
  await clock.advance(FIVE_MINUTES_MS);
  const pending = `document-pending: configuration 1.${document.version.version} was pushed and is not applied`;
  const away = [`offline; ${pending}: the device is offline, and gets it when it is back`, "counted"];
  assert.deepEqual(await shown(), away);
  await heartbeat(version);
  assert.deepEqual(await shown(), [`online; ${pending}: see the agent's log`, "counted"]);
  await clock.advance(FIVE_MINUTES_MS);
  assert.deepEqual(await shown(), away);
  await heartbeat(document.version);
  assert.deepEqual(await shown(), ["online"]);
  const events = await eventually(async () => {
    const found = await admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 50 }, CALL);
    const kinds = found.events.map(({ kind }) => kind).filter((kind) => kind.startsWith("condition-"));
    return kinds.length > 1 ? kinds : undefined;
  });
  assert.deepEqual(events, ["condition-over", "condition-began"]);
});

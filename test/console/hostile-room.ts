import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { eventually, tinyChain } from "@mpo/coordinator/testing";
import { chainCodec } from "@mpo/protocol";
import type { Browser, Page } from "playwright-core";
import { openBrowser, type Visitor, visit } from "./browser.ts";
import { type ConsoleFleet, consoleFleet } from "./console-fleet.ts";
import { ScriptedDevice } from "./scripted-device.ts";

/** What a device, a person or an address says that would like to be run. */
export const SCRIPT = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'`;
/** A fleet all of whose texts are scripts, and a browser that has come to its console. */
export interface Room {
  readonly fleet: ConsoleFleet;
  readonly browser: Browser;
  readonly line: string;
  readonly visitor: Visitor;
  readonly device: ScriptedDevice;
}

export async function openRoom(t: TestContext): Promise<Room> {
  const fleet = await consoleFleet(t, ["one"]);
  const texts = { board: SCRIPT, cpuModel: SCRIPT, os: SCRIPT, kernel: SCRIPT, ownerLimits: SCRIPT };
  const inventory = {
    ...{ deviceClass: "board", cpuCores: 4, memoryBytes: 2 ** 30, swapBytes: 0, architecture: "arm64", ...texts },
    ...{ gpus: [{ name: SCRIPT, memoryBytes: 0, sharesMemory: true }], agentVersion: SCRIPT, nodeVersion: SCRIPT },
  };
  const conditions = [{ code: "throttled", sinceMs: Date.now() - 5_000, message: SCRIPT }] as const;
  const device = new ScriptedDevice(t, fleet, "pi-1", {
    changes: {
      ...{ inventory, conditions, labels: [{ name: "site", value: SCRIPT }] },
      instance: { instanceId: "aaa111", machineId: "copied", bootId: "boot-aaa111" },
    },
  });
  await device.begin();
  await new ScriptedDevice(t, fleet, "pi-2", { changes: { inventory } }).begin();
  await fleet.admin.decideEnrolment({ identity: device.identity, decision: "accepted", reason: SCRIPT });
  const document = await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return await fleet.admin.getConfig({ identity: device.identity }).then(
      (found) => found.document,
      () => undefined,
    );
  });
  await device.retrained(document, "replaced", [0.61, 0.72]);
  await device.retrained(document, "kept-old", [0.72, 0.7]);
  await device.report({ kind: "drift", drift: { model: "tiny", message: SCRIPT } });
  await device.report({
    kind: "probe",
    probe: { model: "tiny", failedAtMs: Date.now(), failures: 1, retryAtMs: Date.now() + 60_000, message: SCRIPT },
  });
  await fleet.admin.saveGroup({ tenant: "default", name: "script", where: "state = online", description: SCRIPT });
  await publishHostile(fleet);
  const spec = {
    name: "by-hand",
    description: SCRIPT,
    model: "tiny",
    change: { rule: { memory: "10MiB" } },
    waves: [{ count: 1, approval: "manual" }],
  };
  await fleet.admin.planRollout({ tenant: "default", spec: JSON.stringify(spec), reason: SCRIPT });
  const browser = await openBrowser(t);
  return {
    fleet,
    browser,
    device,
    line: await fleet.login(`Eve ${SCRIPT}`.slice(0, 64), "admin"),
    visitor: await visit(browser, fleet.origin),
  };
}

/** A model whose words are scripts: where names of its files are, too, it is refused. */
async function publishHostile({ admin }: ConsoleFleet): Promise<void> {
  const chain = tinyChain();
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const content = Buffer.from("{}");
  const digest = sha256(content);
  await admin.putChunk({ tenant: "default", chunk: content });
  const manifest = {
    ...{ name: "hostile", version: 1, manifestDigest: digest, graphDigest: digest },
    files: [{ name: "model.json", bytes: content.length, digest, chunks: [digest] }],
    chainDigest: sha256(chainCodec.toBytes(chain)),
    summary: { takes: SCRIPT, classes: 2, parameters: 1, madeBy: SCRIPT },
  };
  const [file] = manifest.files;
  assert.ok(file !== undefined);
  const named = { ...manifest, files: [{ ...file, name: SCRIPT }] };
  await assert.rejects(admin.publishModel({ tenant: "default", manifest: named, chain }), /a file's name/u);
  await admin.publishModel({ tenant: "default", manifest, chain });
}

export async function ready(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("Loading…").waitFor({ state: "detached" });
  await page.getByText("live", { exact: true }).waitFor();
}

/** What would run if a text were taken for markup. */
export async function planted(page: Page): Promise<number> {
  return await page.evaluate(() => document.querySelectorAll("body script, body img, [onerror]").length);
}

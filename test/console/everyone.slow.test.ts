import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { eventually, tinyChain } from "@mpo/coordinator/testing";
import { chainCodec } from "@mpo/protocol";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { noChromium, openBrowser, type Visitor, visit } from "./browser.ts";
import { type ConsoleFleet, consoleFleet, noNats } from "./console-fleet.ts";
import { ScriptedDevice } from "./scripted-device.ts";

const SCRIPT = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'`;
const PATHS = [
  "/",
  "/devices",
  "/devices/pi-1",
  "/devices/nobody",
  "/rollouts",
  "/rollouts/new",
  "/rollouts/by-hand",
  "/models",
  "/search?device=pi-1&model=tiny&memory=10MiB",
  "/audit",
  "/people",
  "/nowhere",
];

interface Room {
  readonly fleet: ConsoleFleet;
  readonly browser: Browser;
  readonly line: string;
  readonly visitor: Visitor;
  readonly device: ScriptedDevice;
}

void describe("the console is for everyone", { skip: noNats || noChromium, timeout: 300_000 }, () => {
  void it("whatever they see by, and whatever devices say", async (t) => {
    const room = await open(t);
    await t.test("nor has the page to sign in, or what it says to who may not", () => accessibleBefore(room));
    await t.test("by keyboard alone", () => byKeyboard(room));
    await t.test("no page has a violation that axe finds, light or dark, wide or narrow", () => accessible(room));
    await t.test("nor has any dialog", () => accessibleDialogs(room));
    await t.test("nothing that a device or an address says is run", () => inert(room));
    await t.test("no other site's page frames it, or acts through it", () => apart(room));
    await t.test("an admin decides which of two a device is, renames it, retires it, removes it", () => life(room));
    assert.deepEqual(room.visitor.complaints, []);
  });
});

async function open(t: TestContext): Promise<Room> {
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

/** Presses a key until what has the focus is called so. */
async function focus(page: Page, name: RegExp, key = "Tab"): Promise<void> {
  for (let presses = 0; presses < 120; presses += 1) {
    await page.keyboard.press(key);
    const found = await page.evaluate(() => {
      const at = document.activeElement;
      const labels = at instanceof HTMLInputElement ? [...(at.labels ?? [])].map((label) => label.textContent) : [];
      return `${at?.getAttribute("aria-label") ?? ""} ${labels.join(" ")} ${at?.textContent ?? ""}`.trim();
    });
    if (name.test(found)) return;
  }
  assert.fail(`the keyboard does not reach ${String(name)}`);
}

async function byKeyboard({ line, visitor: { page } }: Room): Promise<void> {
  await page.goto("/");
  await page.getByLabel("Access token").waitFor();
  await focus(page, /Access token/u);
  await page.keyboard.insertText(line);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => location.hash), "#main");
  await page.evaluate(() => document.querySelector<HTMLElement>(".brand")?.focus());
  await focus(page, /^Rollouts$/u);
  await page.keyboard.press("Enter");
  const title = page.getByRole("heading", { level: 1, name: "Rollouts" });
  await title.waitFor();
  assert.equal(await title.evaluate((heading) => heading === document.activeElement), true, "the title has the focus");
  await focus(page, /^by-hand$/u);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "by-hand" }).waitFor();
  await focus(page, /^Start…/u);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await focus(page, /^Start$/u);
  await page.keyboard.press("Enter");
  await page.getByText("waits for approval").waitFor();
  await focus(page, /^Stop…/u);
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await focus(page, /^Cancel$/u);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert.match((await page.evaluate(() => document.activeElement?.textContent)) ?? "", /^Stop…/u);
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await focus(page, /^Stop now$/u);
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("stopped", { exact: true }).waitFor();
}

async function ready(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("Loading…").waitFor({ state: "detached" });
  await page.getByText("live", { exact: true }).waitFor();
}

interface Violation {
  readonly id: string;
  readonly targets: readonly string[];
}

async function violationsOf(page: Page, within = "html"): Promise<readonly Violation[]> {
  // Half a megabyte, once a page.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  return await page.evaluate(async (part) => {
    const { passes, violations } = await (globalThis as unknown as { readonly axe: typeof import("axe-core") }).axe.run(
      part,
      // Of what is right, that it was looked at is enough.
      { resultTypes: ["violations"] },
    );
    if (passes.length < 10) return [{ id: "axe has looked at nothing", targets: [] }];
    return violations.map(({ id, nodes }) => ({
      id,
      targets: nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
    }));
  }, within);
}

const VIEWS = [
  { colorScheme: "light", width: 1280 },
  { colorScheme: "dark", width: 390 },
] as const;

/** Each view of what is open, one after the other. */
async function eachView(page: Page, look: (view: string) => Promise<void>): Promise<void> {
  for (const { colorScheme, width } of VIEWS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 860 });
    await look(`${colorScheme} at ${width}`);
  }
}

async function accessible({ visitor: { page } }: Room): Promise<void> {
  const found: string[] = [];
  for (const path of PATHS) {
    await ready(page, path);
    await eachView(page, async (view) => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) found.push(`${path}, ${view}: ${overflow} px too wide`);
      for (const { id, targets } of await violationsOf(page))
        found.push(`${path}, ${view}: ${id} ${targets.join(" ; ")}`);
    });
    assert.equal(await planted(page), 0, path);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  assert.deepEqual(found, []);
}

async function accessibleBefore({ fleet, browser }: Room): Promise<void> {
  const found: string[] = [];
  const { page, context } = await visit(browser, fleet.origin);
  await page.goto("/");
  await page.getByLabel("Access token").fill("no token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await eachView(page, async (view) => {
    for (const { id, targets } of await violationsOf(page)) found.push(`${view}: ${id} ${targets.join(" ; ")}`);
  });
  await context.close();
  assert.deepEqual(found, []);
}

const DIALOGS = ["/devices", "/devices/pi-1", "/rollouts/by-hand", "/people"];

/** Opens all that are offered, one after the other. */
async function accessibleDialogs({ visitor: { page } }: Room): Promise<void> {
  const [found, opened]: [string[], string[]] = [[], []];
  for (const path of DIALOGS) {
    await ready(page, path);
    // What is only offered once something is chosen.
    if (path === "/devices")
      for (const box of await page.getByRole("checkbox", { name: /^(?:Choose )?pi-/u }).all()) await box.check();
    for (const button of await page.locator("main button:enabled", { hasText: /…$/u }).all()) {
      const name = `${path} ${await button.textContent()}`;
      await button.click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      opened.push(name);
      await eachView(page, async (view) => {
        for (const { id, targets } of await violationsOf(page, "dialog"))
          found.push(`${name}, ${view}: ${id} ${targets.join(" ; ")}`);
      });
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  assert.ok(opened.length >= 10, opened.join(", "));
  assert.deepEqual(found, []);
}

/** What would run if a text were taken for markup. */
async function planted(page: Page): Promise<number> {
  return await page.evaluate(() => document.querySelectorAll("body script, body img, [onerror]").length);
}

async function inert({ visitor: { page } }: Room): Promise<void> {
  const hostile = encodeURIComponent(SCRIPT);
  const reflected = [
    `/devices?where=${hostile}`,
    `/devices/${hostile}`,
    `/rollouts/${hostile}`,
    `/audit?device=${hostile}&words=${hostile}`,
    `/search?device=${hostile}&model=${hostile}&memory=${hostile}`,
    `/${hostile}#code=${hostile}`,
    `/sign-in#error=${hostile}`,
  ];
  for (const path of reflected) {
    await page.goto(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(150);
    assert.equal(await planted(page), 0, path);
  }
  await ready(page, "/models");
  await page.getByRole("row", { name: /hostile@1.*<img src=x/u }).waitFor();
  await ready(page, "/devices/pi-1");
  assert.ok((await page.getByText("alert(2)").count()) >= 5, "what the device says is shown as text");
}

async function apart({ fleet: { origin }, visitor: { context } }: Room): Promise<void> {
  const other = await context.newPage();
  // Another site, as far as a browser can tell.
  await other.route("http://other.test/**", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<iframe src="${origin}/"></iframe>
        <form method="post" action="${origin}/api/v1/changeRollout" enctype="text/plain"><input name='{"x":"' value='"}'></form>`,
    }),
  );
  await other.goto("http://other.test/");
  const [frame] = other.frames().slice(1);
  assert.doesNotMatch((await frame?.content()) ?? "", /id="app"/u, "it is not framed");
  const [answer] = await Promise.all([
    other.waitForResponse(/changeRollout/u),
    other.evaluate(() => document.forms[0]?.submit()),
  ]);
  assert.ok(answer.status() >= 400 && answer.status() < 500, `a foreign form was answered ${answer.status()}`);
  await other.close();
}

async function life({ visitor: { page }, device }: Room): Promise<void> {
  const act = async (button: string, confirm: string, fields: Readonly<Record<string, string>> = {}): Promise<void> => {
    await page.getByRole("button", { name: button }).click();
    const dialog = page.getByRole("dialog");
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
    await dialog.getByRole("button", { name: confirm, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await ready(page, "/devices/pi-1");
  device.copied("bbb222");
  const doubled = page.getByRole("listitem").filter({ hasText: /^doubled/u });
  await doubled.waitFor();
  await act("Decide which…", "Keep this one", { "The agent that is the device": "bbb222", Reason: "the newer board" });
  await doubled.waitFor({ state: "detached" });
  const row = {
    name: /device-decided.*Eve.*agent bbb222.* is the device.*agent aaa111.* stays parked: the newer board/u,
  };
  await page.getByRole("row", row).waitFor();
  await device.stop();
  await page.getByText("offline", { exact: true }).waitFor();
  await act("Rename…", "Rename", { "New name": "kitchen" });
  await page.getByRole("heading", { level: 1, name: "kitchen" }).waitFor();
  await act("Retire…", "Retire");
  await page.getByText("retired", { exact: true }).waitFor();
  await act("Remove…", "Remove");
  await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
  await ready(page, "/audit");
  await page.getByText("Were events changed").click();
  await page.getByRole("button", { name: "Check all events" }).click();
  await page.getByText("as they were written", { exact: true }).waitFor();
  await page.getByRole("row", { name: /device-removed.*Eve/u }).waitFor();
}

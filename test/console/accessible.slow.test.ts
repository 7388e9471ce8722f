import assert from "node:assert/strict";
import { describe, it } from "node:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { noChromium, visit } from "./browser.ts";
import { noNats } from "./console-fleet.ts";
import { openRoom, planted, type Room, ready } from "./hostile-room.ts";

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

void describe("the console is for everyone", { skip: noNats || noChromium, timeout: 300_000 }, () => {
  void it("whatever they see by", async (t) => {
    const room = await openRoom(t);
    await t.test("nor has the page to sign in, or what it says to who may not", () => accessibleBefore(room));
    await t.test("by keyboard alone", () => byKeyboard(room));
    await t.test("no page has a violation that axe finds, light or dark, wide or narrow", () => accessible(room));
    await t.test("nor has any dialog", () => accessibleDialogs(room));
    assert.deepEqual(room.visitor.complaints, []);
  });
});

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

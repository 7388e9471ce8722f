import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MIB } from "@mpo/core";
import type { Browser, Page } from "playwright-core";
import { noChromium, openBrowser, type Visitor, visit } from "./browser.ts";
import { type ConsoleFleet, consoleFleet, noNats } from "./console-fleet.ts";
import { makesPictures, picture } from "./pictures.ts";
import { ScriptedDevice } from "./scripted-device.ts";

/** What the rollout gives; devices say that it is too little. */
const TIGHT_BYTES = 10 * MIB;
const SCRIPT = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'`;

/** What the guide's pictures show is what a device would say. */
const FAILURE = makesPictures ? "a step took 11.2 MiB, over its bound of 9.0 MiB" : `out of memory ${SCRIPT}`;

interface Room {
  readonly fleet: ConsoleFleet;
  readonly browser: Browser;
  readonly ada: Visitor;
  readonly ben: Visitor;
  /** Ben's second tab: the audit, open all the time. */
  readonly watching: Page;
}

void describe("the console", { skip: noNats || noChromium, timeout: 300_000 }, () => {
  void it("leads a person from a device that waits to a rollout that is undone", async (t) => {
    const room = await open(t);
    await t.test("sign in", () => signingIn(room));
    await t.test("accept a device, and label it", () => accepting(room));
    await t.test("plan, start, and see it halt at another coordinator", () => rollingOut(room));
    await t.test("read why, and roll back", () => undoing(room));
    await t.test("see who did it", () => auditing(room));
    if (makesPictures) await t.test("take more pictures", () => takingPictures(room));
    await t.test("offer a viewer nothing that changes anything", () => viewing(room));
    assert.deepEqual([...room.ada.complaints, ...room.ben.complaints], []);
  });
});

async function open(t: TestContext): Promise<Room> {
  const fleet = await consoleFleet(t, ["one", "two"], { areApart: true });
  const refuses = { answer: refusesTight, failure: FAILURE };
  const members = ["pi-1", "pi-2", "pi-3"].map((name) => new ScriptedDevice(t, fleet, name, refuses));
  const newcomer = new ScriptedDevice(t, fleet, "cam-4", refuses);
  for (const device of [...members, newcomer]) await device.begin();
  for (const { identity } of members) await fleet.admin.decideEnrolment({ identity, decision: "accepted", reason: "" });
  const browser = await openBrowser(t);
  const [ada, ben] = [await visit(browser, fleet.origin), await visit(browser, fleet.origin)];
  return { fleet, browser, ada, ben, watching: await ben.context.newPage() };
}

function refusesTight({ budget }: { readonly budget: { readonly memoryBytes: number } }): "confirmed" | "failed" {
  return budget.memoryBytes === TIGHT_BYTES ? "failed" : "confirmed";
}

async function signIn({ page }: Visitor, line: string): Promise<void> {
  await page.goto("/");
  await page.getByLabel("Access token").fill(line);
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading(page, "Fleet");
}

async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
}

/** Says yes to the dialog that is open. */
async function confirm(page: Page, button: string, reason?: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  if (reason !== undefined) await dialog.getByLabel(/^Reason/u).fill(reason);
  await dialog.getByRole("button", { name: button, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

async function signingIn({ fleet, ada, ben, watching }: Room): Promise<void> {
  await ada.page.goto("/rollouts");
  await ada.page.getByLabel("Access token").fill("not-a-token");
  await ada.page.getByRole("button", { name: "Sign in" }).click();
  await ada.page.getByRole("alert").waitFor();
  await signIn(ada, await fleet.login("Ada", "admin"));
  await signIn(ben, await fleet.login("Ben", "viewer"));
  await watching.goto("/audit");
  await watching.getByText("live", { exact: true }).waitFor();
  const cookies = await ada.context.cookies();
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite, secure }) => ({ httpOnly, sameSite, secure })),
    [{ httpOnly: true, sameSite: "Strict", secure: fleet.origin.startsWith("https:") }],
  );
  await ada.page.getByText("live", { exact: true }).waitFor();
}

async function accepting({ ada: { page } }: Room): Promise<void> {
  await page.getByRole("row", { name: /device asks to join/u }).waitFor();
  await picture(page, "fleet");
  await page.getByRole("link", { name: "cam-4" }).click();
  await heading(page, "Devices");
  await page.getByRole("checkbox", { name: "cam-4" }).check();
  await picture(page, "devices-pending");
  await page.getByRole("button", { name: "Accept…" }).click();
  await confirm(page, "Accept", "seen on the bench");
  const choose = page.getByRole("checkbox", { name: "Choose cam-4" });
  await choose.check();
  await page.getByRole("button", { name: "Label…" }).click();
  await page.getByLabel("Label", { exact: true }).fill("site");
  await page.getByLabel("Value", { exact: true }).fill("berlin");
  await confirm(page, "Label");
  await page.getByRole("row", { name: /cam-4.*site=berlin/u }).waitFor();
  await filtering(page);
}

async function filtering(page: Page): Promise<void> {
  const box = page.getByRole("combobox", { name: "Filter" });
  await box.fill("label.");
  await page.getByRole("option", { name: /label\.site/u }).waitFor();
  await box.press("ArrowDown");
  await box.press("Enter");
  assert.equal(await box.inputValue(), "label.site ");
  await box.pressSequentially("= ");
  await box.press("ArrowDown");
  await box.press("Enter");
  await box.press("Escape");
  await box.press("Enter");
  await page.getByText("1 device", { exact: true }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("where"), "label.site = berlin");
  await box.fill("memry > 1GiB");
  await box.press("Escape");
  await box.press("Enter");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(
    (await alert.textContent()) ?? "",
    /memry is not an attribute; did you mean memory\?\s+memry > 1GiB\s+\^{5}/u,
  );
  await picture(page, "devices");
}

async function rollingOut({ fleet, ada: { page }, ben }: Room): Promise<void> {
  await page.getByRole("link", { name: "Rollouts" }).click();
  await page.getByRole("link", { name: "Plan a rollout" }).click();
  const fields = {
    Name: "less-memory",
    Model: "tiny",
    "Memory of a retraining": "10MiB",
    "First wave": "2",
    "Watched for": "",
  };
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByLabel("When a wave fails").selectOption("pause");
  await picture(page, "rollouts-new", 1000);
  await page.getByRole("button", { name: "Plan", exact: true }).click();
  await heading(page, "less-memory");
  await page.getByText(/^Simulated: about/u).waitFor();
  await picture(page, "rollout-planned", 1200);
  await ben.page.goto("/rollouts/less-memory");
  await ben.page.getByRole("status").getByText("planned").waitFor();
  await page.getByRole("button", { name: "Start…" }).click();
  await confirm(page, "Start");
  // No goodbye: whoever led is gone in the middle of a wave.
  await fleet.coordinators[0]?.kill();
  fleet.lead(1);
  // Nobody loads the page again.
  for (const one of [page, ben.page]) await one.getByRole("status").getByText("halted").waitFor({ timeout: 60_000 });
  await picture(page, "rollout-halted", 1200);
}

async function undoing({ ada: { page } }: Room): Promise<void> {
  await page.getByRole("link", { name: "Fleet" }).click();
  await page.getByRole("row", { name: /rollout halted.*less-memory/u }).waitFor();
  await page.getByRole("link", { name: "less-memory" }).first().click();
  await page.getByLabel("State", { exact: true }).selectOption("failed");
  const failed = page
    .getByRole("row", { name: makesPictures ? /failed.*over its bound/u : /failed.*out of memory <img/u })
    .first();
  await failed.waitFor();
  await failed.getByRole("link").click();
  await page.getByRole("heading", { name: "Why it trains like this" }).waitFor();
  await page.getByRole("list", { name: /^Reasons of configuration/u }).waitFor();
  await page.getByRole("table", { name: "Rungs, the cheapest first" }).waitFor();
  await picture(page, "device", 1500);
  await page.goBack();
  await page.getByRole("button", { name: "Roll back…" }).click();
  await confirm(page, "Roll back", "too little memory");
  await page.getByRole("status").getByText("rolled-back").waitFor({ timeout: 60_000 });
}

async function auditing({ ada: { page }, watching }: Room): Promise<void> {
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  for (const row of [
    /device-accepted.*cam-4.*Ada.*seen on the bench/u,
    /device-labelled.*Ada/u,
    /rollout-\S+.*Ada.*less-memory.*too little memory/u,
  ])
    await page.getByRole("row", { name: row }).first().waitFor();
  await picture(page, "audit");
  // Whoever has only watched, over a coordinator that was killed, has seen everything, and nothing twice.
  const rows = (): Promise<readonly string[]> => watching.locator("tbody tr").allTextContents();
  const watched = await rows();
  await watching.reload();
  await watching.getByRole("row", { name: /rollout-rolled-back/u }).waitFor();
  const stored = await rows();
  // What has happened since it was looked at.
  assert.deepEqual(watched, stored.slice(-watched.length));
}

async function viewing({ ben: { page } }: Room): Promise<void> {
  await page.getByRole("status").getByText("rolled-back").waitFor();
  assert.equal(await page.getByRole("button", { name: /…$/u }).count(), 0);
  await page.goto("/devices");
  await page.getByRole("row", { name: /cam-4/u }).waitFor();
  assert.equal(await page.getByRole("button", { name: /…$/u }).count(), 0);
  // Whoever asks all the same is refused, in the coordinator's words.
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ tenant: "default", name: "less-memory", command: "stop", reason: "" });
    const headers = { "content-type": "application/json", "x-mpo-console": "1" };
    return (await fetch("/api/v1/changeRollout", { method: "POST", headers, body })).status;
  });
  assert.equal(status, 403);
}

/** Of what the way has not come by. */
async function takingPictures({ ada: { page } }: Room): Promise<void> {
  const show = async (path: string, text: string): Promise<void> => {
    await page.goto(path);
    await page.getByText(text).first().waitFor();
  };
  await show("/search?device=pi-1&model=tiny&memory=10MiB", "Memory along a step");
  await picture(page, "search", 1000);
  await show("/people", "Create a join token…");
  await picture(page, "people");
  await page.emulateMedia({ colorScheme: "dark" });
  await show("/devices/pi-1", "Memory along a step");
  await page.getByRole("heading", { name: "Memory against accuracy" }).scrollIntoViewIfNeeded();
  await picture(page, "device-dark");
  await page.setViewportSize({ width: 390, height: 800 });
  await show("/", "Fleet");
  await page.getByRole("heading", { name: /Needs you first|Nothing needs you/u }).waitFor();
  await picture(page, "fleet-phone", 800);
}

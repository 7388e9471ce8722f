import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Locator, Page } from "playwright-core";
import { noChromium, openBrowser, visit } from "./browser.ts";
import { madeUpHistory } from "./made-up-rollout.ts";
import { PageServer } from "./page-server.ts";

const MANY = 10_000;
/** Neither is a whole number of pages. */
const ROLLED_OUT = 2_345;
const HAPPENED = 523;
const STEPS = 240;
/** Two dozen rows at once: faster than anybody reads. */
const STEP_PX = 900;

interface Scrolled {
  readonly framesPerSecond: number;
  readonly slowMs: number;
  readonly mostRows: number;
  /** What the page itself takes of a frame's time. */
  readonly busyMs: number;
}

void describe("ten thousand devices", { skip: noChromium, timeout: 120_000 }, () => {
  // How fast is said and not judged: other programs take their time beside it.
  void it("are a few rows that are used again as they scroll by", async (t) => {
    await using server = await PageServer.open(MANY);
    const { page, complaints } = await visit(await openBrowser(t), server.origin);
    await page.goto("/devices");
    await page.getByText(`${MANY.toLocaleString("en")} devices`).waitFor();
    const [paintMs = Number.POSITIVE_INFINITY] = await page.evaluate(() =>
      performance.getEntriesByName("first-contentful-paint").map((one) => one.startTime),
    );
    t.diagnostic(`first paint after ${paintMs.toFixed(0)} ms`);
    const { framesPerSecond, slowMs, busyMs, mostRows } = await scrolled(page);
    t.diagnostic(
      `${framesPerSecond.toFixed(1)} frames a second; 1 of 20 takes over ${slowMs.toFixed(1)} ms; the page itself takes ${busyMs.toFixed(1)} ms of each`,
    );
    assert.ok(mostRows < 120, `${mostRows} rows are drawn`);
    await chosenStay(page);
    assert.deepEqual(complaints, []);
  });

  void it("of a rollout, and events of years, come as they are asked for: all of them, each once", async (t) => {
    await using server = await PageServer.open(1, madeUpHistory(ROLLED_OUT, HAPPENED));
    const { page, complaints } = await visit(await openBrowser(t), server.origin);
    await page.goto("/rollouts/everywhere");
    const devices = page.getByRole("table", { name: /^Devices of everywhere/u }).locator("tbody tr");
    const more = page.getByRole("button", { name: "Show more" });
    // Whole pages of a thousand.
    for (const count of [200, 2_000]) {
      await page
        .getByText(`The first ${count.toLocaleString("en")} of ${ROLLED_OUT.toLocaleString("en")} devices.`)
        .waitFor();
      assert.equal(await devices.count(), count);
      await more.click();
    }
    await more.waitFor({ state: "detached" });
    await isEachOnce(devices, ROLLED_OUT);
    await page.goto("/audit");
    const events = page.getByRole("table", { name: "Events, newest first" }).locator("tbody tr");
    const older = page.getByRole("button", { name: "Show older" });
    for (const count of [200, 400]) {
      await page.getByText(`${count} events of the newest`).waitFor();
      assert.equal(await events.count(), count);
      await older.click();
    }
    await page.getByText(`${HAPPENED} events`, { exact: true }).waitFor();
    await older.waitFor({ state: "detached" });
    await isEachOnce(events, HAPPENED);
    assert.deepEqual(complaints, []);
  });
});

async function isEachOnce(rows: Locator, count: number): Promise<void> {
  const texts = await rows.allTextContents();
  assert.equal(texts.length, count);
  assert.equal(new Set(texts).size, count);
}

async function scrolled(page: Page): Promise<Scrolled> {
  const session = await page.context().newCDPSession(page);
  // Of the processor's time: other programs take theirs beside it.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const taskMs = async (): Promise<number> => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0);
  };
  const before = await taskMs();
  const seen = await page.evaluate(
    async ({ steps, stepPx }) => {
      const frame = document.querySelector(".virtual");
      if (frame === null) throw new Error("there is no list");
      frame.scrollTop = 0;
      const times: number[] = [];
      let mostRows = 0;
      const began = performance.now();
      let last = began;
      for (let step = 0; step < steps; step += 1) {
        frame.scrollTop += stepPx;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
        mostRows = Math.max(mostRows, frame.querySelectorAll("tbody tr").length);
      }
      times.sort((left, right) => left - right);
      const slowMs = times[Math.floor(0.95 * steps)] ?? 0;
      return { framesPerSecond: (1_000 * steps) / (last - began), slowMs, mostRows };
    },
    { steps: STEPS, stepPx: STEP_PX },
  );
  const busyMs = ((await taskMs()) - before) / STEPS;
  await session.detach();
  return { ...seen, busyMs };
}

/** Rows are used again for other devices: what was chosen stays that of its device, and a key is for nobody else. */
async function chosenStay(page: Page): Promise<void> {
  const scrollTo = async (px: number): Promise<void> => {
    await page.evaluate((top) => document.querySelector(".virtual")?.scrollTo(0, top), px);
    await page.waitForTimeout(100);
  };
  await scrollTo(0);
  await page.getByRole("checkbox", { name: "Choose pi-00003" }).check();
  await scrollTo(9_000);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "BODY");
  await page.keyboard.press("Space");
  assert.equal(await page.locator(".virtual tbody input:checked").count(), 0);
  await scrollTo(0);
  assert.deepEqual(
    await page
      .locator(".virtual tbody input:checked")
      .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label"))),
    ["Choose pi-00003"],
  );
}

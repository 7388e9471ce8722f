/**
 * Whether the console's memory stays flat while an hour of events comes in: those of 1,000 devices, each of which says
 * something every five minutes, as fast as the page takes them. The audit keeps the newest events; the devices' page, nothing.
 *
 * usage: npm run test:console-hour
 */
import type { Page } from "playwright-core";
import { chromium } from "playwright-core";
import { findChromium, noChromium } from "./browser.ts";
import { PageServer } from "./page-server.ts";

const DEVICES = 1_000;
/** An hour; each device says something every five minutes. */
const EVENTS = DEVICES * 12;
const ROUNDS = 12;
/** Of the page's own growth after the first rounds: what is kept is bounded, and has been filled by then. */
const WARM_ROUNDS = 4;
const MOST_GROWTH = 1.1;
const PAUSE_MS = 200;
const PATHS = ["/", "/devices", "/audit"];
/** Events that come at once. */
const BURST = 50;

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  return metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? Number.NaN;
}

async function follow(server: PageServer, page: Page, path: string): Promise<number> {
  await page.goto(`${server.origin}${path}`);
  await page.getByText("live", { exact: true }).waitFor();
  const sizes: number[] = [];
  const perRound = EVENTS / ROUNDS;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let sent = 0; sent < perRound; sent += 1) {
      const device = `pi-${String(sent % DEVICES).padStart(5, "0")}`;
      const message = `1.${round}, rung ${sent % 3}`;
      server.say({
        tenant: "default",
        kind: "document-applied",
        device,
        actor: `device ${device}`,
        atMs: Date.now(),
        message,
      });
      if (sent % BURST === 0) await page.waitForTimeout(PAUSE_MS / 10);
    }
    await page.waitForTimeout(5 * PAUSE_MS);
    sizes.push(await heapBytes(page));
  }
  const [before = 0, after = 0] = [sizes[WARM_ROUNDS - 1], sizes.at(-1)];
  const shown = sizes.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(", ");
  process.stdout.write(`${path}: MiB after each twelfth of ${EVENTS.toLocaleString("en")} events: ${shown}\n`);
  return after / before;
}

async function main(): Promise<number> {
  if (noChromium !== false) {
    process.stderr.write(`${noChromium}\n`);
    return 3;
  }
  await using server = await PageServer.open(DEVICES);
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
  const browser = await chromium.launch({ executablePath: findChromium() ?? "", args });
  let worst = 0;
  for (const path of PATHS) {
    const page = await browser.newPage();
    worst = Math.max(worst, await follow(server, page, path));
    await page.close();
  }
  await browser.close();
  process.stdout.write(
    `grown at most ${((worst - 1) * 100).toFixed(1)} % after a third of the hour; allowed are 10 %\n`,
  );
  return worst <= MOST_GROWTH ? 0 : 1;
}

process.exitCode = await main();

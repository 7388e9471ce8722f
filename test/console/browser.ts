import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** What Debian, Ubuntu, Fedora and Google call it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** Where a Chromium is; `MPO_CHROMIUM` says which. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { PATH = "", MPO_CHROMIUM } = env;
  if (MPO_CHROMIUM !== undefined && MPO_CHROMIUM !== "") return MPO_CHROMIUM;
  const places = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return places.find((path) => existsSync(path));
}

export const noChromium: string | false =
  findChromium() === undefined && "no Chromium on the PATH: sudo apt-get install chromium, or set MPO_CHROMIUM";

export async function openBrowser(context: TestContext, more: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: findChromium() ?? "",
    // Tests run as root in containers, which Chromium's own sandbox does not take, and where /dev/shm is small.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", ...more],
  });
  context.after(() => browser.close());
  return browser;
}

/** One person's browser. What goes wrong on the page, and every request to elsewhere, is kept. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What no page should ever do: errors, refusals of its own policy, requests to other places. */
  readonly complaints: string[];
}

export async function visit(
  browser: Browser,
  origin: string,
  options: Parameters<Browser["newContext"]>[0] = {},
  /** Where else its pages may lead. */
  others: readonly string[] = [],
): Promise<Visitor> {
  const context = await browser.newContext({
    // The fleet's own authority vouches for the coordinator.
    ignoreHTTPSErrors: true,
    baseURL: origin,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1280, height: 860 },
    ...options,
  });
  // A machine that runs other tests is slow.
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // The network's own words for answers that a test provokes.
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) complaints.push(`console: ${text}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    const isOurs = [origin, ...others].some((one) => url.startsWith(`${one}/`));
    if (!isOurs && !url.startsWith("data:")) complaints.push(`request to ${url}`);
  });
  return { page, context, complaints };
}

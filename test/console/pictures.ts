import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const FOLDER = fileURLToPath(new URL("../../deploy/guides/pictures/", import.meta.url));

/** Whether pictures of the guide are made again: `MPO_PICTURES=1 npm test -- test/console`. */
export const makesPictures: boolean = process.env["MPO_PICTURES"] === "1";

/** Takes the guide's picture of a page as it is. */
export async function picture(page: Page, name: string, height = 860): Promise<void> {
  if (!makesPictures) return;
  const before = page.viewportSize() ?? { width: 1280, height: 860 };
  await page.setViewportSize({ width: before.width, height });
  const file = join(FOLDER, `${name}.png`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await page.screenshot({ scale: "css" }));
  await page.setViewportSize(before);
}

import { spawn } from "node:child_process";
import type { Abortable } from "@mpo/io";
import type { Files } from "../command-context.ts";

/** A browser that has not failed by then has started. */
const STARTED_MS = 3_000;

/** Opens an address in the browser of BROWSER, or the desktop's; false: there is none. */
export async function openInBrowser(
  url: string,
  { environment, signal }: Pick<Files, "environment"> & Abortable,
): Promise<boolean> {
  const { BROWSER, DISPLAY, WAYLAND_DISPLAY } = environment;
  const hasDesktop = (DISPLAY ?? "") !== "" || (WAYLAND_DISPLAY ?? "") !== "";
  // As xdg-open has it: several, with colons between.
  const [named = ""] = (BROWSER ?? "").split(":");
  if (named === "" && !hasDesktop) return false;
  return await new Promise((resolve) => {
    // The address is an argument of its own: no shell reads it.
    const child = spawn(named === "" ? "xdg-open" : named, [url], {
      detached: true,
      stdio: "ignore",
      env: environment,
    });
    const late = setTimeout(() => end(true), STARTED_MS);
    const onAbort = (): void => end(false);
    const end = (isOpen: boolean): void => {
      clearTimeout(late);
      signal?.removeEventListener("abort", onAbort);
      child.unref();
      resolve(isOpen);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    child.once("error", () => end(false));
    child.once("exit", (code) => end(code === 0));
  });
}

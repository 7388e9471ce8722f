import { extname } from "node:path";

/**
 * How a worker is made to take memory outside of its pool: "buffers" fills memory with JavaScript's before it
 * trains; "no-pool" turns off the allocator that keeps the cap, as if TensorFlow had been built without it.
 */
export type HogKind = "buffers" | "no-pool";

/** The environment of such a worker. */
export function hogEnvironment(kind: HogKind): NodeJS.ProcessEnv {
  const extension = extname(import.meta.url);
  const preload = new URL(`./hog-preload${extension}`, import.meta.url).href;
  const loader = extension === ".ts" ? "--import tsx" : "";
  const options = [process.env["NODE_OPTIONS"], loader, `--import ${preload}`].filter(Boolean).join(" ");
  return { ...process.env, NODE_OPTIONS: options, MPO_TEST_HOG: kind };
}

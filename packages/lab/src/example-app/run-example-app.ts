import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type CommandContext, damageOptions, type FrostOptions } from "@mpo/cli";
import { formatShare, SECOND_MS } from "@mpo/core";
import { type CorruptionName, fashionMnistFolder, loadFashionMnist, sliceImages } from "@mpo/datasets";
import { systemClock } from "@mpo/io";
import { bundledModel } from "../product-files.ts";
import { driftingRequests } from "./drifting-requests.ts";
import { enginePredictor } from "./engine-predictor.ts";
import { prepareServing } from "./prepare-serving.ts";
import { ServedAccuracy } from "./served-accuracy.ts";
import { runServingApp } from "./serving-app.ts";

/** The options of `mpo example-app`. Times are milliseconds. */
export interface ExampleAppOptions extends FrostOptions {
  readonly serving: string;
  readonly model: string;
  readonly weights?: string;
  readonly corruption: CorruptionName;
  readonly driftAfter?: number;
  /** Images a second. */
  readonly rate: number;
  readonly seed: number;
}

/** The model that comes with this. */
const EXAMPLE_WEIGHTS = bundledModel("resnet20-bn");

/** Labelled images stored with the model, never served. */
const REFERENCE_INPUTS = 256;
const IMAGES_PER_REQUEST = 8;
const TELL_MS = 1_000;
const NOTE_MS = 10_000;

/**
 * A program that serves a model beside an agent, as a user's own would: it answers requests, drops its inputs into the
 * serving folder, and switches to a retrained model when there is one. Its inputs drift on request.
 */
export async function runExampleApp(options: ExampleAppOptions, context: CommandContext): Promise<void> {
  const { corruption, rate, seed, driftAfter } = options;
  const { terminal, signal, environment, workingFolder } = context;
  const folder = join(resolve(workingFolder, options.serving), options.model);
  const weights = options.weights === undefined ? EXAMPLE_WEIGHTS : resolve(workingFolder, options.weights);
  const images = await loadFashionMnist(fashionMnistFolder(environment, homedir()), "test", { signal });
  const served = images.count - REFERENCE_INPUTS;
  await prepareServing(folder, weights, sliceImages(images, served, images.count));
  const source = sliceImages(images, 0, served);
  const damage = await damageOptions([corruption], options, context);
  const requests = driftingRequests({ ...damage, source, corruption, imagesPerRequest: IMAGES_PER_REQUEST, seed });
  const accuracy = new ServedAccuracy();
  const beginDrift = (): void => {
    if (requests.isDrifted) return;
    requests.beginDrift();
    terminal.record({ event: "drift", corruption });
    terminal.line(`from now on the images come with ${corruption}`);
  };
  const input = createInterface({ input: process.stdin });
  input.on("line", beginDrift);
  const timer = driftAfter === undefined ? undefined : setTimeout(beginDrift, driftAfter);
  let toldAt = systemClock.monotonicMs();
  let notedAt = toldAt;
  const tell = (nowMs: number): void => {
    if (nowMs - toldAt < TELL_MS) return;
    toldAt = nowMs;
    terminal.record({ event: "served", phases: accuracy.phases });
    if (nowMs - notedAt < NOTE_MS) return;
    notedAt = nowMs;
    const last = accuracy.phases.at(-1);
    if (last === undefined) return;
    const what = last.version === 0 ? "the model as deployed" : `retrained model ${last.version}`;
    const share = formatShare(last.right / last.images);
    terminal.line(`${what}, ${last.isDrifted ? corruption : "clean"}: ${share} right of ${last.images} images`);
  };
  try {
    await runServingApp({
      folder,
      clock: systemClock,
      load: async (modelFolder) => await enginePredictor(modelFolder, environment, { signal }),
      next: requests.next,
      pauseMs: (SECOND_MS * IMAGES_PER_REQUEST) / rate,
      onReady: () => {
        terminal.record({ event: "ready", folder });
        terminal.line(`serving ${options.model} in ${folder}`);
        if (driftAfter === undefined) terminal.line("press Enter to let the images drift, Ctrl-C to stop");
      },
      onServed: ({ images, right = 0, version }) => {
        accuracy.add({ isDrifted: requests.isDrifted, version, images, right });
        tell(systemClock.monotonicMs());
      },
      onSwap: (version) => {
        terminal.record({ event: "swapped", version });
        terminal.line(`retrained model ${version} serves from now on`);
      },
      signal,
    });
  } catch (thrown) {
    // Ctrl-C in the middle of a request.
    if (!signal.aborted) throw thrown;
  } finally {
    clearTimeout(timer);
    input.close();
  }
}

import { syntheticImages } from "@mpo/datasets/testing";
import { systemClock } from "@mpo/io";
import { enginePredictor } from "../example-app/engine-predictor.ts";
import { runServingApp } from "../example-app/serving-app.ts";

/**
 * The example program in a process of its own: it serves the model of the folder that is its argument, with TensorFlow in
 * a worker, and sends the time of each request, milliseconds. It ends when its parent hangs up.
 */
const [folder = ""] = process.argv.slice(2);
const end = new AbortController();
process.on("disconnect", () => end.abort());
const images = syntheticImages({ height: 28, width: 28, channels: 1, count: 8, seed: 1 });

await runServingApp({
  folder,
  clock: systemClock,
  load: async (modelFolder) => await enginePredictor(modelFolder, process.env),
  next: async () => images,
  pauseMs: 10,
  batchInputs: 256,
  keptBatches: 4,
  onServed: ({ latencyMs }) => {
    if (process.connected) process.send?.(latencyMs);
  },
  signal: end.signal,
});

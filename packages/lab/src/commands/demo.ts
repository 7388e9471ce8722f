import { type CommandContext, durationOption, listOf, sizeInBytes, threadsOption, wholeNumber } from "@mpo/cli";
import type { Command } from "commander";
import { type EngineDemoOptions, runEngineDemo } from "../demo/engine/run-engine-demo.ts";
import { DEMO_DEVICE_NAMES } from "../demo/fleet/demo-devices.ts";
import type { FleetDemoOptions } from "../demo/fleet/fleet-room.ts";
import { runFleetDemo } from "../demo/fleet/run-fleet-demo.ts";

/** `mpo demo`: a small fleet whose images drift, and a rollout over it; `mpo demo engine`: the engine alone. */
export function define(demo: Command, context: CommandContext): void {
  demo
    // `engine` has a --seed of its own.
    .enablePositionalOptions()
    .option("--devices <names>", "which of them, separated by commas", listOf(DEMO_DEVICE_NAMES), DEMO_DEVICE_NAMES)
    .option("--folder <dir>", "keep logs and data there (default: a temporary folder, removed at the end)")
    .option("--keep", "leave everything running until Ctrl-C, and keep the folder", false)
    .addOption(durationOption("--probe-time <duration>", "longest probe of memory and time", "30s"))
    .addOption(durationOption("--drift-probe-time <duration>", "longest probe of accuracy", "12s"))
    .addOption(durationOption("--window <duration>", "time in which a retraining must finish", "30s"))
    .option("--inputs <n>", "drifted images that an agent collects before it retrains", wholeNumber(64, 512), 384)
    .option("--group <size>", "hold each agent, with its jobs, in a memory control group of this size", sizeInBytes)
    .option("--judged-images <n>", "images on which a retrained model is judged", wholeNumber(1), 600)
    .option("--seed <n>", "decides the order of the images", wholeNumber(0), 1)
    .addHelpText("after", HELP)
    .action((options: FleetDemoOptions) => runFleetDemo(options, context));
  demo
    .command("engine")
    .description("retrain a real model on drifting images under several configurations, and show what each costs")
    .option("--weights <dir>", "a Fashion-MNIST model to start from (default: the one that comes with this)")
    .option("--samples <n>", "images of each drift to adapt to", wholeNumber(1, 5000), 512)
    .option("--epochs <n>", "passes over the samples", wholeNumber(1, 100), 2)
    .option("--seed <n>", "decides the stream and the order of its samples", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: EngineDemoOptions) => runEngineDemo(options, context));
}

const HELP = `
Every part is a process of its own, the same commands as anybody would start: mpo coordinator, which starts its NATS
server; and for each device mpo agent and mpo example-app. They talk over gRPC and NATS on loopback, with TLS, and prove
who they are: agents join by what a coordinator leaves for the user of its machine. The sizes of the devices are
simulated: each agent behaves as a machine with only so much memory would.

At last a change is rolled out in two waves, for each device what fits it. The first wave passes; in the second, the owner
of a device does not allow its change: the rollout fails there, and gives all what they had.`;

import type { Command } from "commander";
import type { DemoOptions } from "../demo/run-demo.ts";
import { wholeNumber } from "../options/parsers.ts";
import type { CommandContext } from "../run-cli.ts";

/** `mpo demo`: a real model on a drifting stream, retrained under several configurations. */
export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command("demo")
    .description("retrain a real model on drifting images under several configurations, and show what each costs")
    .option("--weights <dir>", "a Fashion-MNIST model to start from (default: the one that comes with this)")
    .option("--samples <n>", "images of each drift to adapt to", wholeNumber(1, 5000), 512)
    .option("--epochs <n>", "times that the samples are seen", wholeNumber(1, 100), 2)
    .option("--seed <n>", "decides the stream and the order of its samples", wholeNumber(0), 1)
    .option("--threads <n>", "threads inside an operation (default: all cores)", wholeNumber(1, 1024))
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import("../demo/run-demo.ts");
      await runDemo(options, context);
    });
}

import {
  addDatasetOptions,
  addSubjectOptions,
  type CommandContext,
  choice,
  dataOption,
  durationInMs,
  durationOption,
  forceOption,
  frostOption,
  listed,
  listOf,
  microBatchOption,
  numberBetween,
  type OptionParser,
  SEVERITY,
  severityOption,
  sizeInBytes,
  threadsOption,
  weightsOption,
  wholeNumber,
  wholeNumbers,
} from "@mpo/cli";
import { MAX_BATCH, METHOD_NAMES } from "@mpo/core";
import { CORRUPTION_NAMES, FILTERS, FITS } from "@mpo/datasets";
import { FORM_NAMES, MODEL_NAMES, type ModelName, NORM_NAMES } from "@mpo/engine";
import { type Command, InvalidArgumentError, Option } from "commander";
import { PROTOCOL_NAMES } from "../bench/adaptation-windows.ts";
import { type BenchAdaptationOptions, benchAdaptation } from "../bench/bench-adaptation.ts";
import { type BenchBudgetsOptions, benchBudgets } from "../bench/bench-budgets.ts";
import { type BenchEmulationOptions, benchEmulation } from "../bench/bench-emulation.ts";
import { type BenchFootprintOptions, benchFootprint } from "../bench/bench-footprint.ts";
import { type BenchJudgeOptions, benchJudge } from "../bench/bench-judge.ts";
import { type BenchLayersOptions, benchLayers } from "../bench/bench-layers.ts";
import { type BenchMemoryOptions, benchMemory } from "../bench/bench-memory.ts";
import { type BenchPlacementOptions, benchPlacement } from "../bench/bench-placement.ts";
import { type BenchSearchOptions, benchSearch } from "../bench/bench-search.ts";
import { type BenchSmallestOptions, benchSmallest } from "../bench/bench-smallest.ts";
import { type BenchStartsOptions, benchStarts } from "../bench/bench-starts.ts";
import { type BenchStepOptions, benchStep } from "../bench/bench-step.ts";
import { type BenchWearOptions, benchWear } from "../bench/bench-wear.ts";
import { type BenchFleetOptions, benchFleet } from "../bench/fleet/bench-fleet.ts";
import { FLEET_MODELS } from "../bench/fleet/fleet-messages.ts";
import { LAYER_LIMITS } from "../bench/layer-space.ts";
import { type BenchPoliciesOptions, benchPolicies, POLICY_DATASETS } from "../bench/policies/bench-policies.ts";
import { type BenchTasksOptions, benchTasks, type Task } from "../bench/tasks/bench-tasks.ts";

const DEFAULT_BATCH = 64;
const batch = wholeNumber(1, MAX_BATCH);
const SMALLEST: readonly ModelName[] = ["resnet50", "densenet121", "mobilenet-v2"];
const STATED: readonly ModelName[] = ["resnet20", "resnet50", "densenet121", "mobilenet-v2", "mobilenet-v3-small"];
const corruptionsOf: OptionParser<typeof CORRUPTION_NAMES | readonly (typeof CORRUPTION_NAMES)[number][]> = (text) =>
  text === "all" ? CORRUPTION_NAMES : listOf(CORRUPTION_NAMES)(text);

const DIGIT_TASKS: readonly Task[] = [
  { source: "mnist", target: "uci" },
  { source: "uci", target: "mnist" },
];
const taskOf: OptionParser<Task> = (text) => {
  const [source, target, ...rest] = text.split(":");
  if (source && target && rest.length === 0) return { source, target };
  throw new InvalidArgumentError("Expected SOURCE:TARGET, such as mnist:uci.");
};
const DOMAINS_HELP = `
--data names a folder with one sub-folder for each domain. Each holds a data set of any kind that \`mpo data describe\` knows:
pictures in CLASS/FILE (as in Office-31's amazon/images/CLASS/FILE), IDX files of MNIST's kind, UCI's digits, USPS, arrays.
Images of arrays are brought to the source's size and channels as pictures are; grey is repeated, colour becomes grey.
Classes of both domains must have the same names.

Examples:
  mpo bench tasks --tasks mnist:uci,uci:mnist --seeds 1,2,3
  mpo bench tasks --data office31 --tasks amazon:webcam,dslr:webcam --model mobilenet-v2 --image-size 64
`;

/** `mpo bench`: measurements, side by side with others where that is possible. */
export function define(bench: Command, context: CommandContext): void {
  const add = (name: string, description: string): Command => bench.command(name).description(description);
  const image = wholeNumber(8, 1024);
  add("step", "time and memory of one training step")
    .addOption(choice("--model <name>", "a model of the zoo, see `mpo models`", MODEL_NAMES, "resnet20"))
    .addOption(choice("--norm <name>", "its normalisation", NORM_NAMES, "batch"))
    .addOption(choice("--form <name>", "for small images, or as published for 224x224", FORM_NAMES, "small"))
    .option("--image-size <pixels>", "side of the (random) images", image, 32)
    .option("--batch <n>", "images in a step", batch, DEFAULT_BATCH)
    .addOption(microBatchOption())
    .option("--segments <k>", "checkpoints: k segments of equal unit count", wholeNumber(1, 10_000), 1)
    .option("--checkpoints <units>", "checkpoints of our own step: keep the inputs of these units", wholeNumbers(0))
    .option("--freeze <rate>", "share of layers that do not train, 0 to 1", numberBetween(0, 1), 0)
    .option("--steps <n>", "steps of each measurement", wholeNumber(1, 10_000), 10)
    .option("--repeats <n>", "measurements of each system, each in a new process, in turn", wholeNumber(1, 1000), 3)
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .option("--threads <n>", "threads of every system (default: all cores)", wholeNumber(1, 1024))
    .addOption(choice("--peer <name>", "measure another system too: TensorFlow.js' own layers and autodiff", ["tfjs"]))
    .option("--torch-python <path>", "measure PyTorch too, with this Python that has torch")
    .action((options: BenchStepOptions) => benchStep(options, context));
  add("memory", "planned against measured peak memory, over random configs of several models")
    .option("--configs <n>", "how many configs, each in a new process", wholeNumber(1, 10_000), 40)
    .option("--image-size <pixels>", "side of the (random) images", image, 32)
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchMemoryOptions) => benchMemory(options, context));
  const adaptation = add(
    "adaptation",
    "accuracy before and after label-free retraining, in 15 windows of the 15 corruptions",
  )
    .addOption(weightsOption())
    .addOption(choice("--protocol <name>", "what the windows meet, and from where they begin", PROTOCOL_NAMES, "reset"))
    .option("--methods <list>", `some of ${METHOD_NAMES.join(",")}`, listOf(METHOD_NAMES), ["tent", "eta", "shot"])
    .option("--corruptions <list>", "names separated by commas (default: all)", corruptionsOf, CORRUPTION_NAMES);
  addDatasetOptions(adaptation).addOption(severityOption()).addOption(frostOption());
  addAdaptingOptions(adaptation, { samples: 2000, judgeSamples: 2000 })
    .addOption(microBatchOption())
    .action((options: BenchAdaptationOptions) => benchAdaptation(options, context));
  const starts = add("starts", "what a device gains that starts from what another has learned of a like drift")
    .addOption(weightsOption())
    .addOption(choice("--method <name>", "one that needs no labels", METHOD_NAMES, "tent"))
    .option("--corruptions <list>", "names separated by commas (default: all)", corruptionsOf, CORRUPTION_NAMES);
  addDatasetOptions(starts)
    .addOption(severityOption())
    .option("--shared-severity <n>", "severity that the other device has met", wholeNumber(1, 5), 5)
    .addOption(frostOption())
    .option("--shared-samples <n>", "images that the other device has adapted to", wholeNumber(1), 512);
  addAdaptingOptions(starts, { samples: 512, judgeSamples: 1000 }).action((options: BenchStartsOptions) =>
    benchStarts(options, context),
  );
  const judge = add(
    "judge",
    "accuracy estimated without labels, and predicted, against labels, over the 15 corruptions",
  )
    .addOption(weightsOption())
    .addOption(choice("--method <name>", "one that needs no labels", METHOD_NAMES, "tent"));
  addDatasetOptions(judge)
    .option("--severities <list>", `${SEVERITY}, separated by commas`, listed(wholeNumber(1, 5)), [5])
    .addOption(frostOption())
    .option("--judge-samples <n>", "test images that labels judge on", wholeNumber(1), 1000)
    .option("--seed <n>", "decides the windows: size and config, images and damage", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchJudgeOptions) => benchJudge(options, context));
  addSubjectOptions(
    add("emulation", "predicted against measured memory and time, over random configs that were never probed"),
  )
    .option("--batch <n>", "images in a step", batch, 256)
    .addOption(choice("--method <name>", "how it will be retrained", METHOD_NAMES, "crossEntropy"))
    .option("--configs <n>", "how many configs; each runs in a process of its own", wholeNumber(1, 10_000), 60)
    .addOption(durationOption("--probe-time <duration>", "time for the probe", "20s"))
    .option("--seed <n>", "decides the configs", wholeNumber(0), 1)
    .addOption(threadsOption())
    .option("-o, --output <file>", "keep the profile here")
    .addOption(forceOption())
    .action((options: BenchEmulationOptions) => benchEmulation(options, context));
  addSubjectOptions(add("placement", "uniform segments against optimally placed checkpoints, at equal memory"))
    .option("--batch <n>", "images in a step, all at once", batch, DEFAULT_BATCH)
    .option("--levels <n>", "memory levels: numbers of segments that save memory, starting at 2", wholeNumber(1, 12), 4)
    .option("--repeats <n>", "steps of each that are timed", wholeNumber(1, 1000), 7)
    .addOption(durationOption("--probe-time <duration>", "time for the probe of what units cost", "20s"))
    .option("--profile <file>", "take what units cost from a profile instead")
    .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: BenchPlacementOptions) => benchPlacement(options, context));
  const addZoo = (command: Command, models: readonly ModelName[], batchSize: number): Command =>
    command
      .option("--models <list>", "separated by commas", listOf(MODEL_NAMES), models)
      .addOption(choice("--norm <name>", "their normalisation", NORM_NAMES, "batch"))
      .addOption(choice("--form <name>", "their form (default: by the images' size)", FORM_NAMES))
      .option("--image-size <pixels>", "side of the (random) images", image, 32)
      .option("--batch <n>", "images in a step", batch, batchSize)
      .option("--seed <n>", "decides weights and images", wholeNumber(0), 1)
      .addOption(threadsOption());
  addZoo(
    add("smallest", "the least memory that each model retrains in, as a share of its plain step"),
    SMALLEST,
    256,
  ).action((options: BenchSmallestOptions) => benchSmallest(options, context));
  addZoo(add("budgets", "memory that is stated against the real peak, four budgets a model"), STATED, DEFAULT_BATCH)
    .addOption(durationOption("--probe-time <duration>", "time for the probe of each model", "30s"))
    .action((options: BenchBudgetsOptions) => benchBudgets(options, context));
  add("footprint", "memory of their own that a retraining's processes hold, ResNet-20, beside PyTorch's")
    .option("--image-size <pixels>", "side of the images", image, 32)
    .option("--batch <n>", "images in a step", batch, DEFAULT_BATCH)
    .option("--micro-batch <n>", "images at once; must divide the batch", batch, 16)
    .option("--samples <n>", "images to retrain on", wholeNumber(1), 512)
    .option("--steps <n>", "steps", wholeNumber(1, 10_000), 8)
    .option("--seed <n>", "decides the weights", wholeNumber(0), 1)
    .option("--torch-python <path>", "look at PyTorch too, with this Python that has torch")
    .option("--group <size>", "hold them in a memory control group of this size", sizeInBytes)
    .action((options: BenchFootprintOptions) => benchFootprint(options, context));
  add("search", "milliseconds for one device's whole search and for a re-plan, on made-up profiles of two models")
    .option("--repeats <n>", "searches of each model", wholeNumber(2, 1000), 10)
    .option("--seed <n>", "decides the profiles", wholeNumber(0), 1)
    .action((options: BenchSearchOptions) => benchSearch(options, context));
  const layers = add(
    "layers",
    "layers chosen by importance against prefix freezing, at equal memory and time of a step",
  )
    .addOption(weightsOption())
    .addOption(choice("--method <name>", "how; only crossEntropy needs labels", METHOD_NAMES, "shot"))
    .option("--corruptions <list>", "names separated by commas (default: all)", corruptionsOf, CORRUPTION_NAMES)
    .option(
      "--frozen <list>",
      "limits are what a step takes with these shares of all layers frozen",
      listed(numberBetween(0, 1)),
      [0.5, 0.8],
    )
    .addOption(choice("--limit <kind>", "which of its limits hold", LAYER_LIMITS, "both"))
    .addOption(durationOption("--probe-time <duration>", "time for the probe", "20s"));
  addDatasetOptions(layers).addOption(severityOption()).addOption(frostOption());
  addAdaptingOptions(layers, { samples: 1024, judgeSamples: 2000 }).action((options: BenchLayersOptions) =>
    benchLayers(options, context),
  );
  add("policies", "accuracy, memory and time of every policy under equal limits, on the same drifts")
    .addOption(weightsOption())
    .addOption(choice("--dataset <name>", "whose test images are damaged", POLICY_DATASETS, "fashion-mnist"))
    .addOption(dataOption())
    .option("--corruptions <list>", "names separated by commas (default: all)", corruptionsOf, CORRUPTION_NAMES)
    .addOption(severityOption())
    .addOption(frostOption())
    .option("--method <list>", "those that need no labels, separated by commas", listOf(METHOD_NAMES), ["tent"])
    .option("--batch <n>", "images in a step (the effective batch)", batch, 256)
    .requiredOption("--memory <sizes>", "limits of what a step may add, such as 12MiB,40MiB", listed(sizeInBytes))
    .requiredOption("--window <durations>", "limits of time for a retraining, such as 3s,10s", listed(durationInMs))
    .option("--samples <n>", "images of each drift to adapt to", wholeNumber(1), 1024)
    .option("--judge-samples <n>", "other images of the same drift, with labels, for the report", wholeNumber(1), 2000)
    .addOption(durationOption("--probe-time <duration>", "time for the probe", "20s"))
    .option(
      "--windows-per-probe <n>",
      "windows that share the cost of a probe (default: one for each corruption)",
      wholeNumber(1),
    )
    .option("--seed <n>", "decides samples, their damage and order", wholeNumber(0), 1)
    .addOption(threadsOption())
    .option("-o, --output <file>", "write results there as they come")
    .addOption(forceOption())
    .option("--resume", "continue from that file; limits, windows, corruptions and methods may differ", false)
    .action((options: BenchPoliciesOptions) => benchPolicies(options, context));
  add("tasks", "a model that was trained on one domain, retrained on another: each method, without and with labels")
    .option("--data <folder>", "folder of the domains (default: the digits that the set-up has put in place)")
    .addOption(
      new Option("--tasks <list>", "SOURCE:TARGET, separated by commas")
        .argParser(listed(taskOf))
        .default(DIGIT_TASKS, "mnist:uci,uci:mnist"),
    )
    .option("--weights <path>", "instead of training on the source, a model that was trained on it")
    .addOption(choice("--model <name>", "a model of the zoo, see `mpo models`", MODEL_NAMES, "resnet20"))
    .addOption(choice("--norm <name>", "its normalisation", NORM_NAMES, "batch"))
    .option("--image-size <pixels>", "side of its images (default: the source's, of pictures 64)", image)
    .addOption(choice("--input-fit <how>", "how images are brought to it (default: stretch)", FITS))
    .addOption(choice("--input-filter <name>", "what their pixels are made of (default: lanczos3)", FILTERS))
    .option("--source-limit <n>", "train on the first N images of the source (default: all)", wholeNumber(1))
    .option("--source-epochs <n>", "times that all of the source's images are seen", wholeNumber(1, 10_000), 5)
    .option("--source-batch <n>", "images in a step on the source", batch, 128)
    .option("--methods <list>", `some of ${METHOD_NAMES.join(",")}`, listOf(METHOD_NAMES), METHOD_NAMES)
    .option("--samples <n>", "images of the target to adapt to; at most half of them", wholeNumber(1), 1000)
    .option("--judge-samples <n>", "other images of the target, to judge the result", wholeNumber(1), 1000)
    .option("--epochs <n>", "passes over the samples", wholeNumber(1, 10_000), 2)
    .option("--batch <n>", "images in a step", batch, DEFAULT_BATCH)
    .option("--seeds <list>", "decide first weights, samples and order; each is a run", listed(wholeNumber(0)), [1])
    .addOption(threadsOption())
    .addHelpText("after", DOMAINS_HELP)
    .action((options: BenchTasksOptions) => benchTasks(options, context));
  const agents = wholeNumber(1, 50_000);
  add("fleet", "a real coordinator and nats-server under many simulated agents on this machine")
    .option("--agents <n>", "simulated agents: the product's core, each with its own connections", agents, 1000)
    .option("--pushes <n>", "configurations to push, to devices that the seed draws", wholeNumber(1, 1_000_000), 1000)
    .option("--rate <n>", "pushes per second", wholeNumber(1, 10_000), 20)
    .option("--join-rate <n>", "agents started per second", wholeNumber(1, 10_000), 200)
    .addOption(choice("--model <name>", "what they serve: a chain of six units, or a real one", FLEET_MODELS, "tiny"))
    .option("--seed <n>", "decides which devices, and all jitter", wholeNumber(0), 1)
    .option("--rollout <n>", "then roll a change out over all agents, so many a second", wholeNumber(1, 1_000))
    .option("--insecure", "without identities: nobody proves who they are, and all is clear text", false)
    .action((options: BenchFleetOptions) => benchFleet(options, context));
  add("wear", "bytes that an idle agent, a coordinator and its nats-server write to the disk a day")
    .option("--devices <n>", "devices that say that they are there, the agent among them", wholeNumber(2, 10_000), 100)
    .addOption(durationOption("--heartbeat <duration>", "how often they do", "30s"))
    .addOption(
      durationOption("--time <duration>", "how long to watch, after 2.5 minutes in which all settles", "20min"),
    )
    .option("--folder <folder>", "on the disk to be watched: what lies in memory is not counted (default: here)")
    .action((options: BenchWearOptions) => benchWear(options, context));
}

/** What an adaptation is made of, and judged on. */
function addAdaptingOptions(command: Command, { samples, judgeSamples }: Record<"samples" | "judgeSamples", number>) {
  return command
    .option("--samples <n>", "test images to adapt to", wholeNumber(1), samples)
    .option("--judge-samples <n>", "other test images, to judge the result", wholeNumber(1), judgeSamples)
    .option("--epochs <n>", "passes over the samples", wholeNumber(1, 10_000), 2)
    .option("--batch <n>", "images in a step", batch, DEFAULT_BATCH)
    .option("--seed <n>", "decides which samples, their order and damage", wholeNumber(0), 1)
    .addOption(threadsOption());
}

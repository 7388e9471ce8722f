import { Command, Help, type Option } from "commander";
import type { CommandContext } from "./command-context.ts";
import type { FleetOptions } from "./options/fleet-options.ts";
import { EXIT_CODE_HELP } from "./output/exit-code-help.ts";
import { VERSION, versionText } from "./version.ts";

export interface CommandFile {
  /** Adds arguments, options and action. */
  define(command: Command, context: CommandContext): void;
}

/**
 * A command as help lists it, and its file. Only the file of the command that is called is loaded, so that help is quick
 * and a host without TensorFlow can run what needs none.
 */
export type CommandEntry = readonly [name: string, does: string, load: () => Promise<CommandFile>];

const COMMANDS: readonly CommandEntry[] = [
  [
    "models",
    "list the models that can be built by name, and publish models for a fleet",
    () => import("./commands/models.ts"),
  ],
  ["data", "say what a folder of data is, before anything is trained on it", () => import("./commands/data.ts")],
  ["convert", "write a .keras, .h5 or .onnx file as a layers model", () => import("./commands/convert.ts")],
  ["train", "train a model from scratch and write it with its card", () => import("./commands/train.ts")],
  ["evaluate", "measure a stored model's accuracy, beside what its card says", () => import("./commands/evaluate.ts")],
  ["predict", "write what a stored model gives for pictures or arrays", () => import("./commands/predict.ts")],
  ["retrain", "adapt a stored model to drifted images and judge the result", () => import("./commands/retrain.ts")],
  ["probe", "measure a model on this machine, in seconds, and write its profile", () => import("./commands/probe.ts")],
  ["emulate", "predict memory, time and accuracy of one config", () => import("./commands/emulate.ts")],
  ["search", "choose the best config for a budget, and the ladder", () => import("./commands/search.ts")],
  [
    "explain",
    "show why a search chooses one config, and what is against the others",
    () => import("./commands/explain.ts"),
  ],
  ["coordinator", "run a coordinator, which plans for a fleet's devices", () => import("./commands/coordinator.ts")],
  ["console", "open a coordinator's console in a browser", () => import("./commands/console.ts")],
  ["store", "check a coordinator's store, and set damaged parts aside", () => import("./commands/store.ts")],
  ["backup", "back up a coordinator's store and keys, and restore them", () => import("./commands/backup.ts")],
  ["agent", "run this device's agent: it probes, reports, and retrains on drift", () => import("./commands/agent.ts")],
  ["config-file", "check config files of agents and coordinators", () => import("./commands/config-file.ts")],
  ["login", "let this machine's commands into a fleet", () => import("./commands/login.ts")],
  ["logout", "forget a fleet on this machine", () => import("./commands/logout.ts")],
  ["whoami", "say who you are to a coordinator, and what you may do", () => import("./commands/whoami.ts")],
  ["context", "choose among the fleets that you have logged in to", () => import("./commands/context.ts")],
  ["token", "let devices join: lines for mpo agent --join", () => import("./commands/token.ts")],
  ["access", "let people and programs in: lines for mpo login", () => import("./commands/access.ts")],
  ["ca", "see, replace and export the fleet's certificate authority", () => import("./commands/ca.ts")],
  ["keys", "see and replace the key that signs documents", () => import("./commands/keys.ts")],
  ["nats", "prepare NATS servers of others for a fleet", () => import("./commands/nats.ts")],
  ["devices", "see the devices of a fleet, and let them in", () => import("./commands/devices.ts")],
  ["groups", "save filters under names: groups of devices", () => import("./commands/groups.ts")],
  ["profiles", "see what the devices of a fleet have measured", () => import("./commands/profiles.ts")],
  ["config", "see and change what a device is to run", () => import("./commands/config.ts")],
  [
    "rollout",
    "change many devices in waves, which stop by themselves when it is bad",
    () => import("./commands/rollout.ts"),
  ],
  ["events", "list what happened in a fleet: who did what to which device", () => import("./commands/events.ts")],
  ["doctor", "check this machine, and say what is wrong and what to do", () => import("./commands/doctor.ts")],
  [
    "support-bundle",
    "collect what helps to find out what is wrong, without secrets",
    () => import("./commands/support-bundle.ts"),
  ],
];

/** The whole command line, with the options of the command that `args` call. */
export async function buildProgram(context: CommandContext, args: readonly string[]): Promise<Command> {
  const { terminal } = context;
  const program = new Command("mpo")
    .description("Retrains neural networks within whatever memory and time a device has.")
    .option("--json", "print results as one JSON object a line")
    .option("--quiet", "print nothing but results and errors")
    .option("--verbose", "print more about what is done, and where errors come from")
    .configureHelp({ showGlobalOptions: true, optionDescription })
    .showSuggestionAfterError()
    .showHelpAfterError("hint: `mpo help` lists the commands; `mpo COMMAND --help` lists a command's options.")
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(terminal.asTyped(text)),
      writeErr: (text) => terminal.complain(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /u, "error (invalid-argument): ")),
    })
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .exitOverride();
  const called = args.find((arg) => !arg.startsWith("-") && arg !== "help");
  // A command's own: `mpo models publish --version 3`.
  if (called === undefined) {
    const text = args.includes("--version") ? await versionText(context.environment) : VERSION;
    program.version(text, "--version", "print the release, its commit, and those of TensorFlow and Node");
  }
  const isOurs = COMMANDS.some(([name]) => name === called);
  for (const [name, does, load] of isOurs ? COMMANDS : [...COMMANDS, ...(await labCommands())]) {
    const command = program.command(name).description(does);
    if (name === called) (await load()).define(command, context);
  }
  for (const command of allCommands(program)) inheritGlobals(command);
  program.hook("preAction", async (_, command) => await setTenant(command, context));
  return program;
}

/** Where neither an option nor the environment says whose devices are meant, the context in use does. */
async function setTenant(command: Command, context: CommandContext): Promise<void> {
  const asksFleet = command.options.some(({ long }) => long === "--context");
  const given = command.optsWithGlobals<Partial<FleetOptions>>();
  if (!asksFleet || given.tenant !== undefined) return;
  const { contextInUse } = await import("./access/find-fleet.ts");
  command.setOptionValue("tenant", (await contextInUse(given, context))?.tenant ?? "default");
}

/** Says of every option that takes a value whether it must be there, or what counts without it. */
function optionDescription(option: Option): string {
  const text = new Help().optionDescription(option).replace(" (default: false)", "");
  if (option.mandatory) return `${text} (required)`;
  return option.required && !text.includes("default") ? `${text} (default: none)` : text;
}

/** Not a literal, so that the product is built and installed without it. */
const LAB: string = "@mpo/lab";

/** The laboratory's commands (bench, demo, example-app, report), where it is installed. */
async function labCommands(): Promise<readonly CommandEntry[]> {
  try {
    return ((await import(LAB)) as { readonly COMMANDS: readonly CommandEntry[] }).COMMANDS;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw thrown;
    return [];
  }
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

/** The global options may follow a command's name too. The terminal has read them already. */
function inheritGlobals(command: Command): void {
  for (const name of ["--json", "--quiet", "--verbose"]) {
    if (command.options.every(({ long }) => long !== name)) {
      command.addOption(command.createOption(name).hideHelp());
    }
  }
}

import { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { addAgentCommand } from "./commands/agent.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addCoordinatorCommand } from "./commands/coordinator.ts";
import { addDevicesCommands } from "./commands/devices.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addEventsCommand } from "./commands/events.ts";
import { addModelsCommand } from "./commands/models.ts";
import { addPlanningCommands } from "./commands/planning.ts";
import { addProfilesCommands } from "./commands/profiles.ts";
import { addRetrainCommand } from "./commands/retrain.ts";
import { addTrainCommand } from "./commands/train.ts";
import { addLabCommands } from "./lab.ts";
import { EXIT_CODE_HELP } from "./output/exit-code-help.ts";

/**
 * The whole command line. Commands load the rooms that they need when they run, so that `--help` is quick and a host
 * without TensorFlow can run what needs none.
 */
export async function buildProgram(context: CommandContext, args: readonly string[]): Promise<Command> {
  const { terminal } = context;
  const program = new Command("mpo")
    .description("Retrains neural networks within whatever memory and time a device has.")
    .option("--json", "print results as one JSON object a line")
    .option("--quiet", "print nothing but results and errors")
    .option("--verbose", "print more about what is done, and where errors come from")
    .showSuggestionAfterError()
    .showHelpAfterError("hint: `mpo help` lists the commands; `mpo COMMAND --help` lists a command's options.")
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => terminal.complain(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /u, "error (invalid-argument): ")),
    })
    .addHelpText("after", `\n${EXIT_CODE_HELP}`)
    .exitOverride();
  for (const add of [
    addModelsCommand,
    addTrainCommand,
    addEvaluateCommand,
    addRetrainCommand,
    addPlanningCommands,
    addCoordinatorCommand,
    addAgentCommand,
    addDevicesCommands,
    addProfilesCommands,
    addConfigCommands,
    addEventsCommand,
    addDoctorCommand,
  ])
    add(program, context);
  await addLabCommands(program, context, args);
  for (const command of allCommands(program)) inheritGlobals(command);
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

/** The global options may stand behind a command's name too. The terminal has read them already. */
function inheritGlobals(command: Command): void {
  for (const name of ["--json", "--quiet", "--verbose"]) {
    if (command.options.every(({ long }) => long !== name)) {
      command.addOption(command.createOption(name).hideHelp());
    }
  }
}

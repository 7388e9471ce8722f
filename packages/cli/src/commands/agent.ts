import { ANY_METHOD, METHOD_WISHES } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { runWithConfig } from "../config-file/config-file.ts";
import { type AgentCommandOptions, printKey, runAgentCommand } from "../fleet/run-agent-command.ts";
import { type JoinCommandOptions, runJoinCommand } from "../fleet/run-join-command.ts";
import { repeated, urlOf } from "../options/address-options.ts";
import { choice } from "../options/choice.ts";
import { addLogLevel, coordinatorOption, fleetName, labelOf, tenantOption } from "../options/fleet-options.ts";
import {
  batchOption,
  durationOption,
  durationOrNoneInMs,
  numberBetween,
  sizeInBytes,
  sizeOption,
  wholeNumber,
} from "../options/parsers.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .option("--join <line>", JOIN)
    .addOption(coordinatorOption(COORDINATOR))
    .option(
      "--ca <file>",
      "certificate of the fleet's authority, to join without a line; somebody accepts the device then",
    )
    .option("--insecure", "the coordinator is on this machine, and runs with --insecure", false)
    .addOption(tenantOption("whose device it is").default("default"))
    .option("--device <name>", "name of this device in the fleet (default: the host's)", fleetName)
    .option("--label <name=value>", "a word by which people select it; may be repeated", repeated(labelOf))
    .option("--data <folder>", "where the agent's state lies (default: mpoptimizer/agents/DEVICE in XDG_STATE_HOME)")
    .option("--serving <folder>", "what is shared with the program that serves (default: serving in --data)")
    .option(
      "--class <name>",
      "devices of one class learn from each other (default: board, memory, power mode and clock)",
      fleetName,
    )
    .addOption(choice("--method <name>", METHOD, METHOD_WISHES, "tent"))
    .addOption(batchOption(64))
    .addOption(sizeOption("--reserve <size>", "memory that always stays free for the program that serves", "128MiB"))
    .option("--reserve-share <share>", "and at least this share of the machine's memory", numberBetween(0, 0.95), 0.1)
    .addOption(choice("--cpu-share <share>", CPU_SHARE, ["leftover", "equal"], "leftover"))
    .option("--memory-limit <size>", "behave as a machine of this much memory would (default: its own)", sizeInBytes)
    .option("--limits <file>", "the owner's limits, which no configuration exceeds (default: limits.json in --data)")
    .addOption(durationOption("--probe-time <duration>", "what a probe may take at most", "2min"))
    .addOption(durationOption("--drift-probe-time <duration>", DRIFT_PROBE_TIME, "30s", durationOrNoneInMs))
    .addOption(durationOption("--probe-patience <duration>", "probe on a busy machine after waiting so long", "1h"))
    .addOption(durationOption("--window-pause <duration>", "time between two retrainings at least", "10min"))
    .option("--min-inputs <n>", "inputs that a retraining needs; after a drift, new ones", wholeNumber(1, 1e6), 256)
    .option("--share-adaptations", SHARE, false)
    .addOption(durationOption("--tick <duration>", "how often the machine and the inputs are looked at", "5s"))
    .option("--nats <url>", "servers to use (default: what the coordinator names)", repeated(urlOf("nats", "tls")));
  addLogLevel(command).addHelpText("after", HELP);
  const config = runWithConfig<AgentCommandOptions>(command, context, (options, file) =>
    runAgentCommand(options, context, file),
  );
  command
    .command("join")
    .description("make this device a part of a fleet, once")
    .argument("[line]", "the line of `mpo token create`, as @FILE or - (standard input) (default: as for mpo agent)")
    .option("--again", "also where it has joined a fleet before", false)
    .addOption(durationOption("--wait <duration>", "how long a coordinator that does not answer is asked again", "30s"))
    .addHelpText("after", JOIN_HELP)
    .action((line: string | undefined, _: object, join: Command) => {
      const options = join.optsWithGlobals<Omit<JoinCommandOptions, "installed">>();
      return runJoinCommand(line, { ...options, installed: config.usualPath() }, context);
    });
  command
    .command("key")
    .description("print the device's name and the digest of its key, which is made if it has none")
    .addHelpText("after", KEY_HELP)
    // Options that the command above has too are taken by it, wherever they stand.
    .action((_: object, key: Command) => {
      const options = key.optsWithGlobals<AgentCommandOptions>();
      return printKey({ ...options, installed: config.usualPath() }, context);
    });
}

const JOIN_HELP = `
A device joins once. On a board where the agent is installed, root runs this: it acts as the agent's user, and the service
starts. Where somebody has to accept the device first, the agent goes on by itself once that is done.

Examples:
  sudo mpo agent join @join.txt
  ssh admin@server mpo token create --accept | sudo mpo agent join -
  mpo agent join @join.txt --data ./agent --device pi-7
  sudo mpo agent join @other.txt --again      into another fleet

Exit codes: 0 it has joined, or had before, or has asked to; 2 a wrong option or line; 6 no coordinator answers; 7 the line is
used up, has run out, or is of another fleet; 8 root has to do it.`;

const KEY_HELP = `
For mpo devices preauthorise, before the device joins; and to compare with what mpo devices pending shows. The key stays here.

Examples:
  mpo agent key >> keys.csv
  mpo agent key --device pi-7 --json

Exit codes: 0 done; 2 a wrong option; 4 others can read the key; 8 root has to do it.`;

const JOIN =
  "the line of `mpo token create`, as @FILE or - (standard input): others can read a command line (default: the file that MPO_JOIN_FILE names, else what a coordinator of this user on this machine has left)";
const COORDINATOR = "a coordinator; may be repeated (default: where it has joined, or as the line to join with says)";
const CPU_SHARE = "what probes and retrainings compute with: what others leave over, or equally";
const SHARE =
  "let other devices start from what retrainings learn of a drift, and start from theirs: normalisation parameters only, no inputs or labels";
const METHOD = `how models are adapted; ${ANY_METHOD}: those that need no labels race, and each rung has its own`;
const DRIFT_PROBE_TIME = "what measuring accuracy after a drift may take; 0s: none";

const HELP = `
A device joins once, and keeps its key in --data: after that \`mpo agent\` is enough. On the coordinator's own machine the
same user needs no line. It probes, reports, and retrains when input drifts. Runs until Ctrl-C, SIGTERM or the end of its
terminal, with or without a coordinator: what cannot be reported now is reported later. TensorFlow is loaded by its jobs
only, each a process of its own.

The serving folder has a folder for each model:
  MODEL/model       the model as deployed, a layers model, a .keras, .h5 or .onnx file, with its card
  MODEL/inputs      recent inputs, which the serving program drops here: .npy files or images
  MODEL/retrained   retrained models, which the serving program picks up

A file of limits says what the owner of the device allows, all of it or some; it may change while the agent runs:
  { "memory": "1.5 GB", "window": "10 min", "hours": ["22:00-06:00"], "models": ["faces"], "methods": ["tent"] }

Examples:
  mpo agent
  mpo agent --join @join.txt
  mpo agent --coordinator 192.168.1.10:7443 --ca fleet-ca.pem      without a line: then mpo devices accept NAME
  mpo agent --device pi-7 --label site=berlin --serving /srv/models
  mpo agent --device small --memory-limit 1GiB      three devices of different size on one machine:
  mpo agent --device large --memory-limit 4GiB      each with a name, and so a data folder, of its own

Exit codes: 0 after SIGTERM or SIGHUP; 130 after Ctrl-C; 2 a wrong option; 4 another agent uses the data folder; 6 the disk is full.`;

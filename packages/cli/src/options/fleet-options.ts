import { isName, USUAL_ADDRESSES } from "@mpo/core";
import type { DocumentVersion } from "@mpo/protocol";
import { LOG_LEVELS } from "@mpo/runtime";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FLEET_EXIT_CODES } from "../output/exit-code-help.ts";
import { type Address, addressWith, repeatedLists } from "./address-options.ts";
import { choice } from "./choice.ts";
import { listed, type OptionParser } from "./parsers.ts";

/** A device, a tenant, a model, a label: safe in file names and in NATS subjects. */
export const fleetName: OptionParser<string> = (text) => {
  if (isName(text)) return text;
  throw new InvalidArgumentError("Expected 1 to 64 characters of A-Z a-z 0-9 _ -.");
};

/** `NAME=VALUE`. */
export const labelOf: OptionParser<{ readonly name: string; readonly value: string }> = (text) => {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(0, at));
  const value = text.slice(at + 1);
  if (!isName(name) || value.length > 128) {
    throw new InvalidArgumentError("Expected NAME=VALUE, such as site=berlin.");
  }
  return { name, value };
};

/** A device's name made of a host's: what names may not hold becomes `-`. */
export function nameOfHost(host: string): string {
  const name = host.replace(/[^A-Za-z0-9_-]+/gu, "-").slice(0, 64);
  return isName(name) ? name : "device";
}

/** Which fleet is asked, and whose devices are meant. */
export interface FleetOptions {
  /** Absent: as the context in use says. */
  readonly coordinator?: readonly Address[];
  readonly context?: string;
  readonly insecure: boolean;
  /** Where no option says it, the context's is set before the command runs. */
  readonly tenant: string;
}

/** `--coordinator`: several times, or with commas. */
export function coordinatorOption(description: string): Option {
  return new Option("--coordinator <host:port>", description)
    .env("MPO_COORDINATOR")
    .argParser(repeatedLists(listed(addressWith(USUAL_ADDRESSES.grpc.port, 1))));
}

/** Adds `--coordinator`, `--context`, `--insecure` and `--tenant`. */
export function addFleetOptions(command: Command): Command {
  return command
    .addOption(coordinatorOption(COORDINATOR))
    .addOption(contextOption(CONTEXT))
    .option("--insecure", "ask a coordinator on this machine that runs with --insecure", false)
    .addOption(tenantOption("whose devices (default: the context's, else default)"));
}

export function contextOption(description: string): Option {
  return new Option("--context <name>", description).env("MPO_CONTEXT").argParser(fleetName);
}

export function tenantOption(description: string): Option {
  return new Option("--tenant <name>", description).env("MPO_TENANT").argParser(fleetName);
}

const COORDINATOR =
  "a coordinator to ask; may be repeated (default: those of the context in use, else the one of this user on this machine)";
const CONTEXT = "a fleet that you have logged in to (default: the one in use)";

/** Adds what every command that asks a coordinator has: where it is, its examples, its exit codes. */
export function addFleetCommand(command: Command, examples = ""): Command {
  return addFleetOptions(command).addHelpText("after", `${examples}\n${FLEET_EXIT_CODES}`);
}

export function addLogLevel(command: Command): Command {
  return command.addOption(choice("--log-level <level>", "what is logged (default: info)", LOG_LEVELS));
}

/** `EPOCH.VERSION`, as documents are named everywhere: `1.4`. */
export const documentVersion: OptionParser<DocumentVersion> = (text) => {
  const [epoch, version] = (/^(\d{1,15})\.(\d{1,15})$/u.exec(text) ?? []).slice(1).map(Number);
  if (epoch === undefined || version === undefined || epoch < 1 || version < 1) {
    throw new InvalidArgumentError("Expected a document's version, such as 1.4.");
  }
  return { epoch, version };
};

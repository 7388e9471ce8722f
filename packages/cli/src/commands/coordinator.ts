import { USUAL_ADDRESSES } from "@mpo/core";
import { COORDINATOR_NAME } from "@mpo/identity";
import { targetOf } from "@mpo/io";
import { type Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import { runWithConfig } from "../config-file/config-file.ts";
import { type CoordinatorCommandOptions, NATS_PORT, runCoordinatorCommand } from "../fleet/run-coordinator-command.ts";
import { addressWith, hostName, repeated, urlHost, urlOf } from "../options/address-options.ts";
import { addLogLevel, fleetName } from "../options/fleet-options.ts";
import { addOidcOptions } from "../options/oidc-options.ts";
import { durationFrom, durationOption, numberBetween, wholeNumber } from "../options/parsers.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .option("--data <folder>", "where the fleet's state lies (default: mpoptimizer/coordinator in XDG_STATE_HOME)")
    .option("--models <folder>", MODELS)
    .option("--listen <host:port>", LISTEN, addressWith(USUAL_ADDRESSES.grpc.port, 0))
    .option("--http <host:port>", HTTP, addressWith(USUAL_ADDRESSES.http.port, 0))
    .option("--no-console", "answer nothing at --http but /metrics, /healthz and /readyz: no pages, no API as JSON")
    .option("--console-url <url>", CONSOLE_URL, urlOf("https", "http"))
    .option("--advertise <host>", ADVERTISE, repeated(hostName))
    .option("--insecure", "for development: no TLS, and nobody proves who they are; on loopback only", false)
    .option("--authority-key <file>", AUTHORITY_KEY)
    .option("--tls-cert <file>", TLS_CERT)
    .option("--tls-key <file>", "its private key")
    .option("--client-ca <file>", CLIENT_CA)
    .option("--client-san <pattern>", CLIENT_SAN)
    .option("--name <name>", "name of this coordinator (default: a random one)", fleetName)
    .addOption(durationOption("--heartbeat <duration>", HEARTBEAT, "30s", durationFrom("1s")))
    .option("--memory-share <share>", "of a device's memory that a retraining may take", numberBetween(0.01, 1), 0.75)
    .addOption(durationOption("--window <duration>", "time in which one retraining must finish", "10min"))
    .addOption(durationOption("--probe-time <duration>", "what one probe may take", "5min"))
    .addOption(durationOption("--probe-max-age <duration>", "older profiles are measured again", "30d"))
    .addOption(
      new Option("--share-profiles <on|off>", "one device of a class measures whole, the others check its profile")
        .choices(["on", "off"])
        .default("on"),
    )
    .option("--quorum <n>", "devices that must agree before the fleet believes a number", wholeNumber(2, 1000), 5)
    .option(
      "--retire-after <duration>",
      "retire devices that were last seen so long ago (default: never)",
      durationFrom("1h"),
    )
    .option("--allow-hooks <host[:port]>", ALLOW_HOOKS, repeated(urlHost))
    .addOption(new Option("--nats-server <path>", "the one to start (default: one found)").env("MPO_NATS_SERVER"))
    .option("--nats-listen <host:port>", NATS_LISTEN, addressWith(NATS_PORT, 0))
    .option("--nats <url>", "use this cluster, and start none; may be repeated", repeated(urlOf("nats", "tls")))
    .option("--nats-advertise <url>", "what agents use (default: where it listens)", repeated(urlOf("nats", "tls")))
    .option("--nats-monitor <url>", "monitoring port of each of its servers", repeated(urlOf("http", "https")))
    .option("--nats-replicas <n>", "copies of each stream in that cluster", wholeNumber(1, 5), 3)
    .option("--nats-creds <file>", "credentials for it")
    .option("--unsafe-async", "use it although a power cut may lose what it has acknowledged", false);
  addLogLevel(addOidcOptions(command)).addHelpText("after", HELP);
  runWithConfig<CoordinatorCommandOptions>(command, context, (options, config) =>
    runCoordinatorCommand(options, context, config),
  );
}

const MODELS =
  "where the bytes of published models lie; several coordinators must see the same folder (default: in the fleet's store)";
const LISTEN = `for agents and commands; port 0: a free one (default: ${targetOf(USUAL_ADDRESSES.grpc)})`;
const ADVERTISE =
  "host by which others reach it, for the lines with which they join; may be repeated (default: where it listens, or all addresses of this machine)";
const ALLOW_HOOKS =
  "host that gates and hooks of rollouts may ask, by https or on this machine; may be repeated (default: none)";
const AUTHORITY_KEY =
  "32 bytes that wrap the fleet's keys in the store, for several coordinators (default: the keys stay in --data)";
const TLS_CERT = `certificate to show instead of one of the fleet's own authority, for ${COORDINATOR_NAME}, with its issuer's after it`;
const CLIENT_CA = "certificates of another authority whose devices are accepted too, once somebody lets them in";
const CLIENT_SAN = 'where those name a device: "spiffe://acme/{tenant}/{device}", "{device}.devices.acme.com"';
const NATS_LISTEN = `where that one listens (default: --listen's host; port ${NATS_PORT}, or a free one on loopback)`;
const CONSOLE_URL = "where people reach the console through a proxy in front of it (default: where it listens)";
const HTTP = `for the console, the API as JSON, /metrics, /healthz and /readyz (default: ${targetOf(USUAL_ADDRESSES.http)})`;
const HEARTBEAT = "how often devices report that they are there; longer in a fleet of thousands";

const HELP = `
Devices report to it; it searches, and pushes each device its configurations. Runs until Ctrl-C, SIGTERM or the end of its
terminal. It needs no TensorFlow. Unless --nats names a cluster, it starts a nats-server of its own.
With --json the log is one JSON object a line on standard error, and one line on standard output says when it is ready.

Examples:
  mpo coordinator
  mpo coordinator --data /var/lib/mpo --window 5min --memory-share 0.5
  mpo coordinator --nats nats://a:4222 --nats nats://b:4222 --nats-monitor http://a:8222 --nats-monitor http://b:8222
  mpo coordinator --listen 0.0.0.0:7443                  for devices and people on other machines: mpo token create
  mpo coordinator --listen 0.0.0.0:7443 --advertise fleet.example.org
  mpo coordinator --listen 0.0.0.0:7443 --http 0.0.0.0:9464              the console for other machines too, over TLS
  mpo coordinator --listen 0.0.0.0:7443 --client-ca acme.pem --client-san 'spiffe://acme/{tenant}/{device}'

Exit codes: 0 after SIGTERM or SIGHUP; 130 after Ctrl-C; 2 a wrong option; 4 no nats-server, the data folder is in use, or
its keys can be read by others; 6 an address is taken, or NATS does not answer.`;

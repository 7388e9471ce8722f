import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  type AdjustCoordinator,
  type CoordinatorAddresses,
  type CoordinatorSettings,
  type EmbeddedNats,
  type ExternalNats,
  type KeyFiles,
  runCoordinator,
} from "@mpo/coordinator";
import { given, MpoError, SECOND_MS, USUAL_ADDRESSES } from "@mpo/core";
import { localJoinFile } from "@mpo/identity";
import { addressOf, fileError, hereOf, isLoopback, systemClock, targetOf, throwIfAborted } from "@mpo/io";
import { type LogLevel, openTracing } from "@mpo/runtime";
import { inClearText } from "../access/find-fleet.ts";
import type { Daemon, Files, Output } from "../command-context.ts";
import type { ConfigFile } from "../config-file/config-file.ts";
import type { Address } from "../options/address-options.ts";
import { nameOfHost } from "../options/fleet-options.ts";
import { type OidcOptions, oidcFrom } from "../options/oidc-options.ts";
import { printError } from "../output/print-error.ts";
import { VERSION } from "../version.ts";
import { commandLogger } from "./command-logger.ts";
import { consoleFolder, coordinatorFolder, natsServerPlaces } from "./coordinator-places.ts";
import { reportTo, serviceRun } from "./service-run.ts";
import { stateFolder } from "./state-folder.ts";

/** The options of `mpo coordinator`. Times are milliseconds. */
export interface CoordinatorCommandOptions extends OidcOptions {
  readonly data?: string;
  readonly models?: string;
  readonly listen?: Address;
  readonly http?: Address;
  readonly console: boolean;
  readonly consoleUrl?: string;
  readonly advertise?: readonly string[];
  readonly insecure: boolean;
  readonly authorityKey?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly clientSan?: string;
  readonly name?: string;
  readonly heartbeat: number;
  readonly memoryShare: number;
  readonly window: number;
  readonly probeTime: number;
  readonly probeMaxAge: number;
  readonly shareProfiles: "on" | "off";
  readonly quorum: number;
  readonly retireAfter?: number;
  readonly allowHooks?: readonly string[];
  readonly natsServer?: string;
  readonly natsListen?: Address;
  readonly nats?: readonly string[];
  readonly natsAdvertise?: readonly string[];
  readonly natsMonitor?: readonly string[];
  readonly natsReplicas: number;
  readonly natsCreds?: string;
  readonly unsafeAsync: boolean;
  readonly logLevel?: LogLevel;
}

/** Where NATS servers usually listen. */
export const NATS_PORT = 4222;

/** Settings that may change while it runs. */
const LIVE_KEYS = ["memory-share", "window", "probe-time", "probe-max-age", "share-profiles"];

/** Runs a coordinator until it is stopped. */
export async function runCoordinatorCommand(
  options: CoordinatorCommandOptions,
  context: Daemon & Files & Output,
  config: ConfigFile<CoordinatorCommandOptions>,
): Promise<void> {
  const { terminal, process } = context;
  const { insecure } = options;
  const logger = commandLogger(terminal, options.logLevel);
  if (insecure) inClearText([options.listen, options.natsListen, options.http].filter((one) => one !== undefined));
  const nats =
    options.nats === undefined ? embeddedNats(options, context) : externalNats(options, options.nats, context);
  let ready: CoordinatorAddresses | undefined;
  let adjust: AdjustCoordinator | undefined;
  const { manager, onHangUp } = serviceRun({
    ...{ config, context, logger, live: LIVE_KEYS },
    apply: (changed) => adjust?.(settingsFrom(changed)),
  });
  await using _reporting = reportTo(manager, {
    ...{ clock: systemClock, signal: context.signal },
    status: () => ready && `serves devices and commands at ${ready.grpc}`,
  });
  // From here on the services listen themselves: what came before must not be lost.
  throwIfAborted(context.signal);
  await using tracing = await openTracing({
    ...{ service: "mpo-coordinator", instance: options.name ?? nameOfHost(hostname()) },
    ...{ environment: context.environment, clock: systemClock, logger },
  });
  const settings = settingsFrom(options);
  const { oidc } = settings;
  const code = await runCoordinator(settings, {
    ...{ nats, tracing, version: VERSION },
    consoleFolder: consoleFolder(),
    // Loaded here: most coordinators have no provider.
    codeFlow: oidc && (await import("../access/oidc-code-flow.ts")).codeFlowAt(oidc),
    keys: keyFiles(options, context),
    ...(options.models && { models: resolve(context.workingFolder, options.models) }),
    localJoinFile: (port) => localJoinFile(stateFolder(context.environment), port),
    process,
    logger,
    onHangUp,
    onTurn: (nextWithinMs) => manager.turned(nextWithinMs),
    onReady: (addresses, change) => {
      ready = addresses;
      adjust = change;
      printReady(addresses, nats, options, context);
    },
    onFailure: (thrown) => {
      if (terminal.json) logger.error("the coordinator ends", { err: thrown });
      printError(terminal, thrown);
    },
  });
  context.exitWith(code);
}

function keyFiles(options: CoordinatorCommandOptions, context: Daemon & Files): KeyFiles {
  const { data, authorityKey, tlsCert, tlsKey, clientCa, clientSan } = options;
  const at = (path: string): string => resolve(context.workingFolder, path);
  for (const [one, other, names] of [
    [tlsCert, tlsKey, "--tls-cert and --tls-key"],
    [clientCa, clientSan, "--client-ca and --client-san"],
  ]) {
    if ((one === undefined) !== (other === undefined)) {
      throw new MpoError("invalid-argument", `${names} belong together: give both, or none`);
    }
  }
  return {
    folder: join(coordinatorFolder(data, context), "authority"),
    ...(authorityKey && { wrappingKeyFile: at(authorityKey) }),
    ...(tlsCert && tlsKey && { listener: { certificateFile: at(tlsCert), privateKeyFile: at(tlsKey) } }),
    ...(clientCa && clientSan && { clientCa: { file: at(clientCa), sanPattern: clientSan } }),
  };
}

function settingsFrom(options: CoordinatorCommandOptions): CoordinatorSettings {
  return {
    insecure: options.insecure,
    heartbeatSeconds: Math.max(1, Math.round(options.heartbeat / SECOND_MS)),
    budget: { memoryShare: options.memoryShare, windowMs: options.window },
    probes: { maxProbeMs: options.probeTime, maxAgeMs: options.probeMaxAge, isShared: options.shareProfiles === "on" },
    quorum: options.quorum,
    ...given({ retireAfterMs: options.retireAfter, oidc: oidcFrom(options) }),
    ...given({ grpc: options.listen, http: options.http, name: options.name, natsServers: options.natsAdvertise }),
    ...given({ advertise: options.advertise, allowedHooks: options.allowHooks }),
    ...given({ console: options.console, consoleUrl: options.consoleUrl }),
  };
}

function embeddedNats(options: CoordinatorCommandOptions, context: Daemon & Files & Output): EmbeddedNats {
  for (const option of ["natsMonitor", "natsCreds"] as const) {
    if (options[option] === undefined) continue;
    const flag = option === "natsMonitor" ? "--nats-monitor" : "--nats-creds";
    throw new MpoError("invalid-argument", `${flag} is about a cluster, and --nats names none`, {
      hint: `Leave ${flag} out, or name the cluster with --nats URL.`,
    });
  }
  const { data, natsServer: binary, listen, natsListen = natsBeside(listen) } = options;
  return {
    kind: "embedded",
    folder: coordinatorFolder(data, context),
    ...natsServerPlaces(context.environment),
    ...given({ binary }),
    ...natsListen,
  };
}

/** NATS is for whom gRPC is for: on a port that others know, where they come from other machines. */
function natsBeside(listen: Address | undefined): Address | undefined {
  return listen === undefined || isLoopback(listen.host) ? undefined : { host: listen.host, port: NATS_PORT };
}

function externalNats(
  options: CoordinatorCommandOptions,
  servers: readonly string[],
  { workingFolder }: Files,
): ExternalNats {
  const { natsMonitor, natsCreds, natsReplicas, unsafeAsync } = options;
  return {
    kind: "external",
    servers,
    replicas: natsReplicas,
    allowsAsync: unsafeAsync,
    ...given({ monitorUrls: natsMonitor }),
    ...(natsCreds === undefined
      ? {}
      : { credentials: { kind: "creds", read: credsIn(resolve(workingFolder, natsCreds)) } }),
  };
}

/** Read now, so that a missing file is reported at once; and again at every connection, so that it can be renewed. */
function credsIn(path: string): () => string {
  const read = (): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (thrown) {
      throw fileError(thrown, "read", path);
    }
  };
  read();
  return read;
}

function printReady(
  addresses: CoordinatorAddresses,
  nats: EmbeddedNats | ExternalNats,
  options: CoordinatorCommandOptions,
  context: Daemon & Files & Output,
): void {
  const { terminal } = context;
  const { grpc, http, natsServers, name, console } = addresses;
  terminal.record({ event: "ready", ...addresses, ...(nats.kind === "embedded" ? { data: nats.folder } : {}) });
  terminal.line(`coordinator ${name} is ready`);
  terminal.line(`  agents and commands   ${grpc}`);
  if (console !== undefined)
    terminal.line(`  console               ${console}    open it: mpo console${thereFor(grpc, options)}`);
  terminal.line(`  metrics and health    ${http}/metrics  ${http}/healthz  ${http}/readyz`);
  terminal.line(`  NATS                  ${natsServers.join(", ")}`);
  if (nats.kind === "embedded") terminal.line(`  data                  ${nats.folder}`);
  for (const next of nextSteps(grpc, options)) terminal.line(next);
}

/** What to type on this machine, and for another one where others can reach it. */
function nextSteps(grpc: string, options: CoordinatorCommandOptions): readonly string[] {
  const { listen } = options;
  const there = thereFor(grpc, options);
  const isForOthers = listen !== undefined && !isLoopback(listen.host);
  return [
    `next: mpo agent${there}    and then: mpo devices list${there}`,
    ...(isForOthers
      ? ["next: for another machine: mpo token create --accept > join.txt    and there: mpo agent --join @join.txt"]
      : []),
  ];
}

/** What commands on this machine say to reach a coordinator that is not where they look. */
function thereFor(grpc: string, { insecure }: Pick<CoordinatorCommandOptions, "insecure">): string {
  const { host, port } = addressOf(grpc);
  const here = targetOf({ host: hereOf(host), port });
  const where = here === targetOf(USUAL_ADDRESSES.grpc) ? "" : ` --coordinator ${here}`;
  return insecure ? `${where} --insecure` : where;
}

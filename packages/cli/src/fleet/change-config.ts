import { formatAge, formatMoment, formatMs, formatVersion, MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { DesiredDocument, DeviceIdentity, DocumentStatus, DocumentVersion } from "@mpo/protocol";
import type { Command } from "commander";
import type { Output } from "../command-context.ts";
import { documentVersion, type FleetOptions } from "../options/fleet-options.ts";
import { durationInMs } from "../options/parsers.ts";
import type { AdminSession } from "./with-admin.ts";

/** Options of every command that gives a device a new document. */
export interface ChangeOptions extends FleetOptions {
  readonly expect?: DocumentVersion;
  readonly reason: string;
  /** Milliseconds. */
  readonly wait?: number;
}

/** Adds `--expect`, `--reason` and `--wait`. */
export function addChangeOptions(command: Command): Command {
  return command
    .option("--expect <version>", "only if this is still its newest document, such as 1.4", documentVersion)
    .option("--reason <words>", "why; goes into the document and the events", "")
    .option("--wait <duration>", "wait until the device has reported what became of it", durationInMs);
}

/**
 * Waits for what becomes of a document that was pushed, and prints it. The result is the error to throw once the
 * coordinator is let go: it is the device that has not answered or not taken it.
 */
export async function failureOf(
  identity: DeviceIdentity,
  document: DesiredDocument,
  waitMs: number | undefined,
  { terminal, ...session }: AdminSession & Output,
): Promise<MpoError | undefined> {
  if (waitMs === undefined) return undefined;
  const { device } = identity;
  const status = await untilReported(identity, document, waitMs, session);
  if (status === undefined) return await notApplied(identity, document, waitMs, session);
  terminal.record({ event: "reported", status });
  terminal.line(`${device} reports: ${status.state}${status.message === "" ? "" : `, ${status.message}`}`);
  if (status.state !== "failed" && status.state !== "refused") return undefined;
  return new MpoError(
    "precondition-failed",
    `${device} did not take ${formatVersion(document.version)}: ${status.message}`,
  );
}

const POLL_MS = 200;

/** Waits until the device has reported what became of a document; undefined: it has not in time. */
async function untilReported(
  identity: DeviceIdentity,
  { version }: DesiredDocument,
  waitMs: number,
  { admin, call }: AdminSession,
): Promise<DocumentStatus | undefined> {
  const began = systemClock.monotonicMs();
  for (;;) {
    const { status } = await admin.getConfig({ identity, version }, call);
    if (status !== undefined && status.state !== "accepted") return status;
    if (systemClock.monotonicMs() - began >= waitMs) return undefined;
    await systemClock.sleep(POLL_MS, call);
  }
}

/** Says which of the two it is: a device that is away, or one that takes its time. */
async function notApplied(
  identity: DeviceIdentity,
  { version }: DesiredDocument,
  waitMs: number,
  { admin, call }: AdminSession,
): Promise<MpoError> {
  const { device: name } = identity;
  const { device, serverTimeMs } = await admin.getDevice({ identity }, call);
  const wanted = formatVersion(version);
  if (device.presence === "online") {
    return new MpoError("timed-out", `${name} is online and has not applied ${wanted} within ${formatMs(waitMs)}`, {
      hint: `It is pushed; see what the device does: mpo events --device ${name}`,
    });
  }
  const since = `${formatMoment(device.lastSeenMs)} UTC, ${formatAge(serverTimeMs - device.lastSeenMs)}`;
  return new MpoError("unavailable", `${name} is offline since ${since}; it will get ${wanted} when it is back`, {
    hint: `See whether it is back: mpo devices show ${name}`,
  });
}

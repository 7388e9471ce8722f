import { readFile } from "node:fs/promises";
import { MpoError } from "@mpo/core";
import { type Clock, systemErrorCode } from "@mpo/io";

const END_POLL_MS = 50;

/** A process that cannot be taken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's ticks since boot; empty where the system does not report it (no `/proc`). */
  readonly startTicks: string;
}

/** The process that has an id now; undefined: none, or only a zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (!Number.isSafeInteger(pid) || pid < 1 || !isAlive(pid)) return undefined;
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in brackets, may contain spaces: the fields are counted after it (proc(5): state is 3, start is 22).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : { pid, startTicks: fields[19] ?? "" };
  } catch {
    return isAlive(pid) ? { pid, startTicks: "" } : undefined;
  }
}

/** Whether a process is still the one that was identified. */
export async function isStill(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks;
}

/** Has nats-server read its certificate again. */
export async function rereadConfiguration(identity: ProcessIdentity): Promise<void> {
  if (await isStill(identity)) signalProcess(identity.pid, "SIGHUP");
}

/** Returns false when there is no such process. */
function signalProcess(pid: number, name: "SIGTERM" | "SIGKILL" | "SIGHUP"): boolean {
  try {
    return process.kill(pid, name);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ESRCH") return false;
    throw thrown;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return systemErrorCode(thrown) === "EPERM";
  }
}

export interface EndOptions {
  /** How long it may take to end after SIGTERM, milliseconds; then it gets SIGKILL. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Ends a process, politely at first, and returns when it is gone. */
export async function endProcess(identity: ProcessIdentity, { timeoutMs, clock }: EndOptions): Promise<void> {
  for (const name of ["SIGTERM", "SIGKILL"] as const) {
    if (!(await isStill(identity)) || !signalProcess(identity.pid, name)) return;
    const startMs = clock.monotonicMs();
    while (clock.monotonicMs() - startMs < timeoutMs) {
      if (!(await isStill(identity))) return;
      await clock.sleep(END_POLL_MS);
    }
  }
  throw new MpoError("internal", `process ${identity.pid} does not end`);
}

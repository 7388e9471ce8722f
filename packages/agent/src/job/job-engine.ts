import { type ChildProcess, fork } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MpoError } from "@mpo/core";
import { abortError } from "@mpo/io";
import type { AgentEngine, WorkOptions } from "../ports/agent-engine.ts";
import { jobGroupGone, killJobGroup } from "./job-group.ts";
import type { FromJob, JobAnswers, JobRequest } from "./job-messages.ts";
import type { CpuShare } from "./step-back.ts";

/** Options of `jobEngine`. */
export interface JobEngineOptions {
  /** Environment of the processes, usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How jobs share the processors with other programs. Default: "leftover". */
  readonly cpuShare?: CpuShare;
  /** Where a job's temporary files lie until it ends. Default: the system's. */
  readonly temporaryFolder?: string;
}

/** The engine of a real device: each job is a process of its own, which starts the worker that loads TensorFlow. */
export function jobEngine(options: JobEngineOptions): AgentEngine {
  return {
    probe: (job, work) => runJob({ kind: "probe", job }, work, options),
    retrain: (job, work) => runJob({ kind: "retrain", job }, work, options),
  };
}

async function runJob<Request extends JobRequest>(
  request: Request,
  { signal, onProgress }: WorkOptions,
  { environment, cpuShare = "leftover", temporaryFolder = tmpdir() }: JobEngineOptions,
): Promise<JobAnswers[Request["kind"]]> {
  if (signal.aborted) throw abortError(signal);
  await mkdir(temporaryFolder, { recursive: true });
  const temporary = await mkdtemp(join(temporaryFolder, "mpo-job-"));
  const entry = import.meta.url.endsWith(".ts") ? "./job-main.ts" : "./job-main.js";
  const child = fork(fileURLToPath(new URL(entry, import.meta.url)), [cpuShare], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...environment, TMPDIR: temporary },
    // A session and a process group of its own: it can be put behind others, and ended, as a whole.
    detached: true,
  });
  const end = (): void => killJobGroup(child.pid);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    const answer = await answerOf(child, request, onProgress);
    if (signal.aborted) throw abortError(signal);
    return answer as JobAnswers[Request["kind"]];
  } catch (thrown) {
    if (request.kind === "retrain") await rm(request.job.stagingFolder, { recursive: true, force: true });
    throw signal.aborted ? abortError(signal) : thrown;
  } finally {
    signal.removeEventListener("abort", end);
    // Whatever became of the job's process: its worker goes too.
    end();
    await jobGroupGone(child.pid);
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Sends the request and waits until the process is gone. */
function answerOf(
  child: ChildProcess,
  request: JobRequest,
  onProgress: WorkOptions["onProgress"],
): Promise<JobAnswers[keyof JobAnswers]> {
  return new Promise((resolve, reject) => {
    let stderr = "";
    let end: Exclude<FromJob, { kind: "progress" }> | undefined;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-2_000);
    });
    child.on("message", (message: FromJob) => {
      if (message.kind === "progress") onProgress?.(message.report);
      else end = message;
    });
    child.once("error", (cause) => reject(new MpoError("worker-crashed", `job: ${cause.message}`, { cause })));
    // What it sent last may be read after its exit, but not after the hang-up. (`close` does not always come.)
    let exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
    const settle = (): void => {
      if (exit === undefined || child.connected) return;
      if (end?.kind === "answer") resolve(end.body);
      else if (end?.kind === "error") {
        const { code, message, hint } = end.error;
        reject(new MpoError(code, message, hint === undefined ? {} : { hint }));
      } else {
        const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
        const tail = stderr.trim().split("\n").slice(-3).join(" | ");
        reject(new MpoError("worker-crashed", `the job ended with ${how}${tail === "" ? "" : `: ${tail}`}`));
      }
    };
    child.once("disconnect", settle);
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      settle();
    });
    child.send(request, (error) => {
      if (error !== null) child.kill("SIGKILL");
    });
  });
}

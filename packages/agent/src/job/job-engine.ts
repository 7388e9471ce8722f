import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CalledProcess, entryBeside, throwIfAborted } from "@mpo/io";
import type { AgentEngine, WorkOptions } from "../ports/agent-engine.ts";
import type { JobCalls } from "./job-calls.ts";
import type { CpuShare } from "./step-back.ts";

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
    probe: (job, work) => runJob("probe", job, work, options),
    check: (job, work) => runJob("check", job, work, options),
    retrain: async (job, work) => {
      try {
        return await runJob("retrain", job, work, options);
      } catch (thrown) {
        await rm(job.stagingFolder, { recursive: true, force: true });
        throw thrown;
      }
    },
  };
}

async function runJob<Kind extends keyof JobCalls>(
  kind: Kind,
  job: JobCalls[Kind]["request"],
  work: WorkOptions,
  { environment, cpuShare = "leftover", temporaryFolder = tmpdir() }: JobEngineOptions,
): Promise<JobCalls[Kind]["answer"]> {
  throwIfAborted(work.signal);
  await mkdir(temporaryFolder, { recursive: true });
  const temporary = await mkdtemp(join(temporaryFolder, "mpo-job-"));
  try {
    await using child = new CalledProcess<JobCalls>({
      name: "job",
      entry: entryBeside("job-main", import.meta.url),
      args: [cpuShare],
      environment: { ...environment, TMPDIR: temporary },
      // It can be put behind others, and ended, as a whole.
      leadsGroup: true,
      graceMs: 0,
    });
    return await child.call(kind, job, work);
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatBytes, LOADING_BYTES, MpoError } from "@mpo/core";
import { CalledProcess, entryBeside, throwIfAborted } from "@mpo/io";
import { DEFAULT_BUDGET_POLICY } from "../policy/budget-policy.ts";
import type { AgentEngine, WorkOptions } from "../ports/agent-engine.ts";
import type { JobGroups } from "../system/job-groups.ts";
import type { JobCalls } from "./job-calls.ts";
import type { CpuShare } from "./step-back.ts";

export interface JobEngineOptions {
  /** Environment of the processes, usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How jobs share the processors with other programs. Default: "leftover". */
  readonly cpuShare?: CpuShare;
  /** Keep a job within its memory, whatever allocates it. Default: its worker is watched. */
  readonly groups?: JobGroups | undefined;
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

/**
 * What a job's processes take in addition to what its step may: both of them idle, and what comes and goes while a model is
 * loaded. The worker is watched more closely; this limit holds for all that is missed, within 50 ms or by another name.
 */
const AROUND_BYTES = DEFAULT_BUDGET_POLICY.workerIdleBytes + LOADING_BYTES;

function overGroup(limitBytes: number, cause: unknown): MpoError {
  const text = `the job needed more than ${formatBytes(limitBytes)}, with its libraries: its control group's limit`;
  return new MpoError("over-memory-cap", text, { cause });
}

/**
 * Inputs that are read leave garbage: a large nursery would keep 30 MiB of it beside a training (`mpo bench footprint`), and
 * the collector, which sees little of it, is asked to come.
 */
const SMALL_HEAP = ["--max-semi-space-size=1", "--optimize-for-size", "--expose-gc"] as const;

async function runJob<Kind extends keyof JobCalls>(
  kind: Kind,
  job: JobCalls[Kind]["request"],
  work: WorkOptions,
  { environment, cpuShare = "leftover", temporaryFolder = tmpdir(), groups }: JobEngineOptions,
): Promise<JobCalls[Kind]["answer"]> {
  const limitBytes = job.memoryBytes + AROUND_BYTES;
  throwIfAborted(work.signal);
  await mkdir(temporaryFolder, { recursive: true });
  const temporary = await mkdtemp(join(temporaryFolder, "mpo-job-"));
  try {
    await using group = await groups?.make({ limitBytes, isBehind: cpuShare === "leftover" });
    await using child = new CalledProcess<JobCalls>({
      name: "job",
      entry: entryBeside("job-main", import.meta.url),
      args: [cpuShare, ...(group === undefined ? [] : [group.joinFile])],
      environment: { ...environment, TMPDIR: temporary },
      execArgv: SMALL_HEAP,
      // It can be put behind others, and ended, as a whole.
      leadsGroup: true,
      graceMs: 0,
    });
    return await child.call(kind, job, work).catch(async (thrown: unknown) => {
      throw (await group?.wasKilled()) === true ? overGroup(limitBytes, thrown) : thrown;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

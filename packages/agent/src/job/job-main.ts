import { killGroup, serveCalls } from "@mpo/io";
import { joinGroup } from "../system/job-groups.ts";
import type { JobCalls } from "./job-calls.ts";
import { CPU_SHARES, stepBack } from "./step-back.ts";

/**
 * Entry of a job's process: it reads models and inputs and drives the worker, so that the daemon never grows. It does
 * one job. The daemon ends it by killing its process group; when the daemon itself is gone, it does so itself.
 */
const { env: environment } = process;

const [, , cpuShare, joinFile] = process.argv;
// First: all that follows, and all that it starts, is within its limit.
if (joinFile !== undefined) joinGroup(joinFile);

serveCalls<JobCalls>(
  {
    probe: async (job, context) => {
      const { runProbeJob } = await import("./probe-job.ts");
      return await runProbeJob(job, { environment, ...context });
    },
    check: async (job, context) => {
      const { runCheckJob } = await import("./check-job.ts");
      return await runCheckJob(job, { environment, ...context });
    },
    retrain: async (job, context) => {
      const { runRetrainJob } = await import("./retrain-job.ts");
      return await runRetrainJob(job, { environment, ...context });
    },
  },
  { onHangUp: () => killGroup(process.pid) },
);
stepBack(CPU_SHARES.find((share) => share === cpuShare) ?? "leftover");

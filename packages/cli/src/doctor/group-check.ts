import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DoctorContext, Finding } from "./check.ts";

const UNIT = "sys/fs/cgroup/mpo.slice/mpo-agent.service";
const FALLBACK = "jobs are watched, and are the first that the system's memory killer takes";
const BOOT =
  "On Raspberry Pi OS: add cgroup_enable=memory cgroup_memory=1 to the line in /boot/firmware/cmdline.txt, and restart. Else: a kernel with CONFIG_MEMCG.";

/** How the memory of jobs is limited: by control groups where the agent is a service, and the kernel and systemd let it. */
export async function checkJobGroups({ systemRoot }: DoctorContext): Promise<Finding> {
  const at = (...names: readonly string[]): string => join(systemRoot, ...names);
  const controllers = await readFile(at("sys/fs/cgroup/cgroup.controllers"), "utf8").catch(() => undefined);
  if (controllers === undefined) {
    return {
      state: "warning",
      found: `control groups of version 2 are not mounted at /sys/fs/cgroup: ${FALLBACK}`,
      fix: "Boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line (Debian 11 and newer do so by themselves).",
    };
  }
  if (!/\bmemory\b/u.test(controllers)) {
    return { state: "warning", found: `the kernel has memory control switched off: ${FALLBACK}`, fix: BOOT };
  }
  const inside = await readdir(at(UNIT)).catch(() => undefined);
  if (inside === undefined) {
    return {
      state: "ok",
      found: "where the agent runs as mpo-agent.service, each job gets a control group of its own",
    };
  }
  if (inside.includes("agent")) return { state: "ok", found: "each job has a control group of its own" };
  return {
    state: "warning",
    found: `mpo-agent.service does not use its control groups: ${FALLBACK}`,
    fix: "Its log says why (journalctl -u mpo-agent); its unit needs Delegate=yes.",
  };
}

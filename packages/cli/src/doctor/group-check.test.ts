import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkJobGroups } from "./group-check.ts";

const CONTROLLERS = "sys/fs/cgroup/cgroup.controllers";
const UNIT = "sys/fs/cgroup/mpo.slice/mpo-agent.service";

describe("how the memory of jobs is limited", () => {
  const boards: readonly (readonly [
    what: string,
    files: Readonly<Record<string, string>>,
    state: string,
    says: RegExp,
  ])[] = [
    ["version 1", {}, "warning", /version 2 are not mounted/u],
    [
      "a Raspberry Pi as it comes",
      { [CONTROLLERS]: "cpuset cpu io pids\n" },
      "warning",
      /memory control switched off/u,
    ],
    ["no service", { [CONTROLLERS]: "cpu memory\n" }, "ok", /where the agent runs as mpo-agent\.service/u],
    [
      "a service that may",
      { [CONTROLLERS]: "cpu memory\n", [`${UNIT}/agent/cgroup.procs`]: "" },
      "ok",
      /each job has/u,
    ],
    [
      "a service that may not",
      { [CONTROLLERS]: "cpu memory\n", [`${UNIT}/cgroup.procs`]: "" },
      "warning",
      /does not use/u,
    ],
  ];
  for (const [what, files, state, says] of boards) {
    it(`is said of ${what}`, async (t) => {
      const systemRoot = await mkdtemp(join(tmpdir(), "mpo-groups-"));
      t.after(() => rm(systemRoot, { recursive: true, force: true }));
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(systemRoot, path, ".."), { recursive: true });
        await writeFile(join(systemRoot, path), text);
      }
      const finding = await checkJobGroups({ systemRoot, environment: {}, signal: new AbortController().signal });
      assert.equal(finding.state, state);
      assert.match(finding.found, says);
    });
  }
});

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type FoundJobGroups, findJobGroups, joinGroup } from "./job-groups.ts";

const MIB = 2 ** 20;
const USER = 999;
const UNIT = "/mpo.slice/mpo-agent.service";

/** A tree that looks like the kernel's. */
async function treeOf(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), "mpo-job-groups-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true });
  return {
    root,
    unit: join(root, "sys/fs/cgroup", UNIT),
    find: (user = USER): Promise<FoundJobGroups> => findJobGroups({ root, user, removeFolder }),
  };
}

const DELEGATED = {
  "proc/self/cgroup": `0::${UNIT}\n`,
  "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
  [`sys/fs/cgroup${UNIT}/cgroup.controllers`]: "cpu memory pids\n",
  [`sys/fs/cgroup${UNIT}/cgroup.procs`]: "17\n18\n",
  [`sys/fs/cgroup${UNIT}/cgroup.subtree_control`]: "",
};

describe("control groups of jobs", () => {
  it("limit memory below the agent's own, which moves aside, and are gone afterwards", async (t) => {
    const { find, unit } = await treeOf(t, DELEGATED);
    const found = await find();
    assert.ok("groups" in found, JSON.stringify(found));
    assert.equal(await readFile(join(unit, "agent/cgroup.procs"), "utf8"), "18", "each process is moved");
    assert.equal(await readFile(join(unit, "cgroup.subtree_control"), "utf8"), "+memory +cpu");
    const group = await found.groups.make({ limitBytes: 100 * MIB, isBehind: true });
    const [job = ""] = (await readdir(unit)).filter((name) => name.startsWith("job-"));
    const read = (name: string): Promise<string> => readFile(join(unit, job, name), "utf8");
    assert.deepEqual([await read("memory.max"), await read("memory.high")], [String(100 * MIB), String(90 * MIB)]);
    joinGroup(group.joinFile);
    assert.equal(await read("cgroup.procs"), String(process.pid));
    assert.equal(await group.wasKilled(), false);
    await writeFile(join(unit, job, "memory.events"), "low 0\nhigh 4\nmax 2\noom 1\noom_kill 2\noom_group_kill 1\n");
    assert.equal(await group.wasKilled(), true);
    await group[Symbol.asyncDispose]();
    assert.equal(existsSync(join(unit, job)), false);
  });

  it("are found again by an agent that is restarted in place", async (t) => {
    const { find, unit, root } = await treeOf(t, { ...DELEGATED, [`sys/fs/cgroup${UNIT}/job-1-0/pids`]: "" });
    await rm(join(unit, "job-1-0/pids"));
    await writeFile(join(root, "proc/self/cgroup"), `0::${UNIT}/agent\n`);
    assert.ok("groups" in (await find()));
    assert.equal(existsSync(join(unit, "job-1-0")), false, "what the last one left");
  });

  const without: readonly (readonly [
    what: string,
    files: Readonly<Record<string, string>>,
    why: RegExp,
    user?: number,
  ])[] = [
    ["a board with none", {}, /no control groups/u],
    ["version 1", { "proc/self/cgroup": `4:memory:/x\n0::${UNIT}\n` }, /version 1/u],
    [
      "a Raspberry Pi as it comes",
      {
        ...DELEGATED,
        "sys/fs/cgroup/cgroup.controllers": "cpu io pids",
        [`sys/fs/cgroup${UNIT}/cgroup.controllers`]: "cpu pids",
      },
      /cgroup_disable=memory/u,
    ],
    ["a unit without Delegate=", { ...DELEGATED, [`sys/fs/cgroup${UNIT}/cgroup.controllers`]: "" }, /Delegate=yes/u],
    ["a container that does not show its group", { "proc/self/cgroup": "0::/docker/1\n" }, /cannot be seen/u],
    ["root", DELEGATED, /runs as root/u, 0],
  ];
  for (const [what, files, why, user] of without) {
    it(`are not there on ${what}, and it says why`, async (t) => {
      const { find } = await treeOf(t, files);
      const found = await find(user);
      assert.ok("why" in found);
      assert.match(found.why, why);
    });
  }
});

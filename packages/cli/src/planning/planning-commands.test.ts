import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Profile } from "@mpo/core";
import { EXIT_CODES } from "@mpo/runtime";
import { TINY_MODEL, tinyProfile } from "../test-support/tiny-model.ts";
import { type CommandOutcome, runCommand } from "../testing/run-command.ts";
import { deviceFacts } from "./device-facts.ts";
import { writeProfileDocument } from "./profile-document.ts";

/** What people see who give these commands a profile, a good one or not. */
describe("mpo emulate, search and explain", () => {
  const { graph } = TINY_MODEL;
  const profile = tinyProfile(graph.name, deviceFacts());
  let folder: string;
  const file = (name: string): string => join(folder, name);
  const search = async (...more: readonly string[]): Promise<CommandOutcome> =>
    await runCommand(["search", "--json", file("p.json"), ...more]);
  const write = async (name: string, changed: Profile): Promise<void> => {
    await writeProfileDocument(file(name), { profile: changed, graph }, { workingFolder: folder, signal });
  };
  const { signal } = new AbortController();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-planning-"));
    await write("p.json", profile);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("predict a config", async () => {
    const emulated = await runCommand(["emulate", "--json", file("p.json"), "--micro-batch", "32", "--freeze", "0.5"]);
    assert.equal(emulated.code, EXIT_CODES.ok, emulated.stderr);
    const [record] = emulated.records as readonly { memoryBytes: { expected: number; upper: number } }[];
    assert.ok(record !== undefined && record.memoryBytes.upper >= record.memoryBytes.expected);
    assert.equal(emulated.stderr, "");
  });

  it("choose a config within the budget, and say what cut the others", async () => {
    const found = await search("--memory", "8MiB", "--window", "600s");
    assert.equal(found.code, EXIT_CODES.ok, found.stderr);
    const [record] = found.records as readonly { best: { memoryBytes: { upper: number } } }[];
    assert.ok((record?.best.memoryBytes.upper ?? Number.POSITIVE_INFINITY) <= 8 * 2 ** 20);
    const explained = await runCommand(["explain", file("p.json"), "--json", "--memory", "8MiB", "--window", "600s"]);
    const because = explained.records
      .map(({ cut }) => (cut as { because?: string } | null | undefined)?.because)
      .join("\n");
    assert.match(because, /may need [\d.]+ MiB of 8\.0 MiB/u);
    assert.match(because, /no better in memory, time or accuracy than .*batches of /u);
  });

  it("say what to do when too little was measured", async () => {
    await write("few.json", { ...profile, steps: profile.steps.slice(0, 1) });
    await write("blind.json", { ...profile, steps: [...profile.steps, ...profile.steps], accuracy: [] });
    const emulated = async (name: string): Promise<string> =>
      (await runCommand(["emulate", file(name), "--micro-batch", "32", "--window", "60s"])).stdout;
    assert.match(await emulated("few.json"), /^hint: too little was measured to predict well; .* --probe-time$/mu);
    assert.match(await emulated("blind.json"), /^hint: too little .* accuracy; probe with --dataset/mu);
  });

  it("print tables that fit 80 columns", async () => {
    const budget = [file("p.json"), "--memory", "8MiB", "--window", "600s"];
    for (const args of [["search", ...budget], ["explain", ...budget], ["models"]]) {
      const { stdout } = await runCommand(args);
      const rows = stdout.split("\n").filter((line) => /^[│┌├└]/u.test(line));
      assert.ok(rows.length > 4, args[0]);
      for (const row of rows) assert.ok(row.length <= 80, row);
    }
  });

  it("say the least memory that would do, and which config it is", async () => {
    const refused = await search("--memory", "100KiB", "--window", "600s");
    assert.equal(refused.code, EXIT_CODES.budget);
    assert.match(refused.stderr, /the smallest may need [\d.]+ MiB \(16 micro-batches of 2, .*\)/u);
    const least = /smallest may need ([\d.]+) MiB/u.exec(refused.stderr)?.[1] as string;
    assert.match(refused.stderr, new RegExp(`hint: Give --memory ${Math.ceil(Number(least))}MiB or more`, "u"));
    const enough = await search("--memory", `${least}MiB`, "--window", "600s");
    assert.equal(enough.code, EXIT_CODES.ok, enough.stderr);
  });

  it("say so when the window is shorter than a step", async () => {
    const refused = await search("--memory", "1GiB", "--window", "1ms");
    assert.equal(refused.code, EXIT_CODES.budget);
    assert.match(
      refused.stderr,
      /1\.0 ms for its steps is shorter than one step of any configuration: .* \(.*batches of /u,
    );
  });

  it("say so when the profile is of another class of device", async () => {
    await write("other.json", { ...profile, device: { id: "pi-1", class: "arm64-4c-8g" } });
    const found = await runCommand(["search", file("other.json"), "--memory", "8MiB", "--window", "600s"]);
    assert.equal(found.code, EXIT_CODES.ok, found.stderr);
    assert.match(found.stderr, /profile is of pi-1, a arm64-4c-8g; this machine is a /u);
  });

  const refusals: readonly {
    readonly what: string;
    readonly change: (text: string) => string;
    readonly code: number;
    readonly says: RegExp;
  }[] = [
    {
      what: "is truncated",
      change: (text) => text.slice(0, text.length / 2),
      code: EXIT_CODES.data,
      says: /is not valid JSON/u,
    },
    {
      what: "has a NaN, which JSON cannot say",
      change: (text) => text.replace(/"forwardMs":\s*\[[^\]]*\]/u, '"forwardMs":[NaN]'),
      code: EXIT_CODES.data,
      says: /is not valid JSON/u,
    },
    {
      what: "has null for a time",
      change: (text) => text.replace(/"forwardMs":\s*\[[^\]]*\]/u, '"forwardMs":[null]'),
      code: EXIT_CODES.data,
      says: /unitTimes\[0\]\.forwardMs\[0\] is null; expected a number from 0 to/u,
    },
    {
      what: "has a negative time",
      change: (text) => text.replace(/"stepMs":\s*\[/u, '"stepMs":[-3,'),
      code: EXIT_CODES.data,
      says: /steps\[0\]\.stepMs\[0\] is -3; expected a number from 0 to/u,
    },
    {
      what: "has times that fall as the micro-batch grows",
      change: (text) => text.replace(/("microBatch":\s*32,\s*"forwardMs":\s*)\[[^\]]*\]/u, "$1[0.0001]"),
      code: EXIT_CODES.data,
      says: /forwardMs is 0\.0001; expected at least half of the .* at micro-batch 2:/u,
    },
    {
      what: "has steps that are out of order",
      change: (text) => text.replace(/"steps":\s*8,/u, '"steps":1,'),
      code: EXIT_CODES.data,
      says: /accuracy\[0\]\.points\[1\]\.steps is 1; expected more than the 4/u,
    },
    {
      what: "is of another version",
      change: (text) => text.replace(/"version":\s*2,\s*"model"/u, '"version":99,"model"'),
      code: EXIT_CODES.state,
      says: /profile\.version is 99; this release reads 2/u,
    },
    {
      what: "was measured by another engine",
      change: (text) => text.replace(/"engine":\s*"[^"]*"/u, '"engine":"0.0.1"'),
      code: EXIT_CODES.state,
      says: /the profile is of engine 0\.0\.1, but .* was asked for/u,
    },
    {
      what: "carries the graph of another model",
      change: (text) => text.replace(/"filters":\s*16/u, '"filters":24'),
      code: EXIT_CODES.data,
      says: /graph is not the one that the profile was measured of/u,
    },
  ];
  for (const { what, change, code, says } of refusals) {
    it(`refuse a profile that ${what}`, async () => {
      const good = await readFile(file("p.json"), "utf8");
      const bad = change(good);
      assert.notEqual(bad, good);
      await writeFile(file("bad.json"), bad);
      const refused = await runCommand(["search", "--json", file("bad.json"), "--memory", "1GiB", "--window", "60s"]);
      assert.equal(refused.code, code, refused.stderr);
      assert.match(refused.stderr, says);
      assert.match(refused.stderr, /bad\.json/u);
      assert.equal(refused.stdout, "");
      assert.ok((await readdir(folder)).every((name) => name.endsWith(".json")));
    });
  }

  it("probe refuses, before it begins, to write where it cannot", async () => {
    const probe = (output: string): Promise<CommandOutcome> =>
      runCommand(["probe", "--model", "resnet20", "--probe-time", "60s", "--output", output]);
    const inFile = await probe(join(file("p.json"), "inside.json"));
    assert.equal(inFile.code, EXIT_CODES.usage, inFile.stderr);
    assert.match(inFile.stderr, /--output .*inside\.json: its folder cannot be written to/u);
    for (const nowhere of ["/proc/p.json", "/proc/none/p.json"]) {
      const refused = await probe(nowhere);
      assert.equal(refused.code, EXIT_CODES.usage, refused.stderr);
    }
    const train = await runCommand(["train", "--output", "/proc/none/model"]);
    assert.equal(train.code, EXIT_CODES.usage, train.stderr);
    assert.doesNotMatch(train.stderr, /reading/u);
    const asFolder = await probe(folder);
    assert.equal(asFolder.code, EXIT_CODES.usage, asFolder.stderr);
    assert.match(asFolder.stderr, /it is a folder; expected a file/u);
  });

  it("say that there is no such profile", async () => {
    const refused = await runCommand(["search", file("none.json"), "--memory", "1GiB", "--window", "60s"]);
    assert.equal(refused.code, EXIT_CODES.state);
    assert.match(refused.stderr, /none\.json/u);
  });
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import { type CommandOutcome, runCommand } from "../testing/run-command.ts";
import { readToml } from "./toml-file.ts";

async function fileOf(t: TestContext, text: string, name = "agent.toml"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-config-file-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function printed(path: string, args: readonly string[] = [], environment = {}): Promise<CommandOutcome> {
  return await runCommand(["agent", "--config", path, ...args, "--print-config"], { environment });
}

describe("a config file", () => {
  it("has all its mistakes reported at once, each with its place and what was meant", async (t) => {
    const path = await fileOf(
      t,
      `# Mistakes.
reserv = 3
label = ["site=berlin", "bad"]
insecure = "yes"
tick = 5
tick = "6s"
batch = [1]
device == "x"
cpu-share = "most"
limits = 2026-01-01
[table]
x = 1
`,
    );
    const { code, stdout, stderr } = await runCommand(["config-file", "check", path]);
    assert.deepEqual(stdout.trim().split("\n"), [
      `${path}:2:1: reserv is not known; did you mean reserve?`,
      `${path}:3:25: label is "bad"; expected NAME=VALUE, such as site=berlin`,
      `${path}:4:12: insecure is "yes"; expected true or false`,
      `${path}:5:8: tick is 5; expected a duration with its unit, such as 500ms, 60s, 15min or 2h`,
      `${path}:6:1: tick is there twice`,
      `${path}:7:10: batch is a list; expected one value`,
      `${path}:8:9: is not valid TOML: unexpected token`,
      `${path}:9:13: cpu-share is "most"; allowed choices are leftover, equal`,
      `${path}:10:10: limits is a date or time; expected a string, a number or a list of them`,
      `${path}:11:1: [table]: there are no tables here; expected KEY = VALUE`,
    ]);
    assert.match(stderr, /10 mistakes in 1 file/u);
    assert.equal(code, 3);
  });

  it("keeps a command from starting, with the same words", async (t) => {
    const path = await fileOf(t, 'windw = "5min"\n', "coordinator.toml");
    const { code, stderr } = await runCommand(["coordinator", "--config", path]);
    assert.match(stderr, /:1:1: windw is not known; did you mean window\?\nhint: .*mpo config-file check/u);
    assert.equal(code, 2);
  });

  it("comes after options and the environment, and before what is usual", async (t) => {
    const path = await fileOf(
      t,
      'reserve = "1GiB"\nmin-inputs = 12\nbatch = 8\nnats = ["nats://a:1"]\ndata = "state"\n',
    );
    const { stdout } = await printed(path, ["--batch", "16"], { MPO_AGENT_MIN_INPUTS: "13", MPO_AGENT_BATCH: "9" });
    const line = (key: string): string | undefined => stdout.split("\n").find((one) => one.startsWith(`${key} =`));
    assert.match(line("reserve") ?? "", /^reserve = "1GiB" +# file: .*agent\.toml:1$/u);
    assert.match(line("min-inputs") ?? "", /^min-inputs = 13 +# environment: MPO_AGENT_MIN_INPUTS$/u);
    assert.match(line("batch") ?? "", /^batch = "16" +# option$/u);
    assert.match(line("nats") ?? "", /^nats = \["nats:\/\/a:1"\] +# file/u);
    assert.match(line("tick") ?? "", /^tick = "5s" +# default$/u);
    // A path counts from where the file is.
    assert.match(line("data") ?? "", new RegExp(`^data = "${join(path, "../state")}" `, "u"));
  });

  it("is printed as a file that says the same", async (t) => {
    const path = await fileOf(t, 'label = ["a=b c"]\nshare-adaptations = true\nlog-level = "debug"\n');
    const { stdout } = await printed(path, [], { MPO_COORDINATOR: "h:1,i:2", MPO_AGENT_INSECURE: "true" });
    const again = await fileOf(t, stdout);
    const values = (text: string): unknown => getStaticTOMLValue(parseTOML(text));
    assert.deepEqual(values((await printed(again)).stdout), values(stdout));
    assert.equal((await runCommand(["config-file", "check", again])).stdout, `${again}: sound\n`);
  });

  it("and the environment know several values, true and false; a wrong variable is named", async (t) => {
    const path = await fileOf(t, "");
    const { stdout } = await printed(path, [], { MPO_AGENT_LABEL: "a=b c=d", MPO_AGENT_INSECURE: "false" });
    assert.match(stdout, /^label = \["a=b", "c=d"\]/mu);
    assert.match(stdout, /^insecure = false +# environment/mu);
    const { stderr, code } = await printed(path, [], { MPO_AGENT_TICK: "7", MPO_AGENT_INSECURE: "no" });
    assert.match(
      stderr,
      /MPO_AGENT_INSECURE is "no"; expected true or false\n.*MPO_AGENT_TICK is "7"; expected a duration/u,
    );
    assert.equal(code, 2);
  });

  it("keeps the environment's variables that were there before", async (t) => {
    const path = await fileOf(t, 'nats-server = "/file"\n', "coordinator.toml");
    const print = async (environment: Record<string, string>): Promise<string> =>
      (await runCommand(["coordinator", "--config", path, "--print-config"], { environment })).stdout;
    assert.match(await print({}), /^nats-server = "\/file"/mu);
    assert.match(await print({ MPO_NATS_SERVER: "/old" }), /^nats-server = "\/old" +# environment: MPO_NATS_SERVER/mu);
    const both = { MPO_NATS_SERVER: "/old", MPO_COORDINATOR_NATS_SERVER: "/new" };
    assert.match(await print(both), /^nats-server = "\/new" +# environment: MPO_COORDINATOR_NATS_SERVER/mu);
  });

  it("does not show a line that lets somebody in", async (t) => {
    const path = await fileOf(t, 'join = "mpo-join-secret"\n');
    const { stdout } = await printed(path, ["--json"]);
    assert.doesNotMatch(stdout, /secret/u);
    assert.doesNotMatch((await printed(path)).stdout, /secret/u);
  });

  it("says whose it is by its name, or has to be told", async (t) => {
    const path = await fileOf(t, 'window = "5min"\n', "board.toml");
    assert.match((await runCommand(["config-file", "check", path])).stderr, /hint: Say it: --for agent, or --for/u);
    assert.equal((await runCommand(["config-file", "check", path, "--for", "coordinator"])).code, 0);
    assert.equal((await runCommand(["config-file", "check", path, "--for", "agent"])).code, 3);
  });

  it("of any text is read or refused, never a crash", () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 9 })).map(([key, value]) => `${key} = ${value}`),
      fc.constantFrom('a = """', "b = [", "[c]", 'd = "x"', "e = 1e9", "[[f]]", "a.b = 1", "\ufeff"),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const { faults } = readToml(lines.join("\n"));
        for (const { line: at, column } of faults) assert.ok(at >= 1 && column >= 1);
      }),
    );
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { extname } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { MODEL_NAMES } from "@mpo/engine";
import { createCertificateAuthority, createOperatorToken } from "@mpo/identity";
import { EXIT_CODES } from "@mpo/runtime";
import { writeContexts } from "./access/contexts.ts";
import { testFolder, userIn } from "./test-support/fleet-room.ts";
import { runCommand } from "./testing/run-command.ts";

const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));

describe("mpo", () => {
  it("explains itself, exit codes too", async () => {
    const { code, stdout, stderr } = await runCommand(["--help"]);
    assert.equal(code, EXIT_CODES.ok);
    for (const word of ["train", "retrain", "models", "bench", "demo", ...Object.values(EXIT_CODES).map(String)]) {
      assert.match(stdout, new RegExp(`\\b${word}\\b`, "u"));
    }
    assert.equal(stderr, "");
  });

  const refused: readonly { readonly args: readonly string[]; readonly code: number; readonly says: RegExp }[] = [
    { args: ["modls"], code: 2, says: /unknown command 'modls'[\s\S]*models/u },
    { args: ["models", "--jsn"], code: 2, says: /unknown option '--jsn'[\s\S]*--json/u },
    { args: ["train"], code: 2, says: /--output/u },
    { args: ["train", "--output", "x", "--batch", "0"], code: 2, says: /'0' is invalid\. Expected a whole number/u },
    { args: ["train", "--output", "x", "--batch", "8", "--micro-batch", "3"], code: 2, says: /3 does not divide/u },
    {
      args: ["train", "--output", "x", "--dataset", "imagenet"],
      code: 2,
      says: /'imagenet' is invalid\. Allowed choices are fashion-mnist/u,
    },
    { args: ["train", "--output", "x", "--dataset", "folder"], code: 2, says: /hint: Add --data FOLDER/u },
    { args: ["train", "--output", "x", "--dataset", "npy"], code: 2, says: /hint: Add --data FOLDER; .*labels\.npy/u },
    { args: ["evaluate", "--weights", "x", "--data", "/nowhere"], code: 4, says: /hint: Name a folder/u },
    {
      args: ["train", "--output", "x", "--dataset", "cifar10", "--data", "/nowhere"],
      code: 4,
      says: /data_batch_1\.bin[\s\S]*hint: Add --data FOLDER; it holds/u,
    },
    {
      args: ["retrain", "--weights", "/nowhere", "--method", "magic"],
      code: 2,
      says: /'magic' is invalid\. Allowed choices are norm, tent/u,
    },
    {
      args: ["retrain", "--weights", "/nowhere"],
      code: 4,
      says: /error \(not-found\): .*\/nowhere[\s\S]*hint: Name a folder/u,
    },
    {
      args: ["retrain", "--weights", "x", "--memory", "30MiB", "--window", "30s"],
      code: 2,
      says: /without --auto, --memory, --window would be ignored[\s\S]*hint: Add --auto/u,
    },
    {
      args: ["retrain", "--weights", "x", "--auto", "--window", "30s", "--segments", "3"],
      code: 2,
      says: /--segments[\s\S]*hint: Leave --segments out/u,
    },
    { args: ["retrain", "--weights", "x", "--method", "auto"], code: 2, says: /without --auto, nothing chooses/u },
    { args: ["coordinator", "--listen", "7443"], code: 2, says: /Expected HOST:PORT/u },
    { args: ["retrain", "--weights", "x", "--memory-cap", "150"], code: 2, says: /size with its unit/u },
    {
      args: ["retrain", "--weights", "x", "--segments", "2", "--checkpoints", "1"],
      code: 2,
      says: /Give one of them/u,
    },
    {
      args: ["bench", "step", "--model", "lenet"],
      code: 2,
      says: /'lenet' is invalid\. Allowed choices are resnet20/u,
    },
    { args: ["bench", "step", "--peer", "theano"], code: 2, says: /'theano' is invalid\. Allowed choices are tfjs/u },
    { args: ["bench", "step", "--segments", "2", "--checkpoints", "1"], code: 2, says: /both set the checkpoints/u },
    { args: ["demo", "engine", "--weights", "/nowhere"], code: 4, says: /error \(not-found\)/u },
    { args: ["demo", "--devices", "small,huge"], code: 2, says: /some of small,medium,large/u },
    {
      args: ["example-app", "--serving", "x", "--corruption", "rust"],
      code: 2,
      says: /'rust' is invalid\. Allowed choices are /u,
    },
    { args: ["coordinator", "--listen", "nowhere:99999"], code: 2, says: /Expected HOST:PORT/u },
    { args: ["coordinator", "--listen", "0.0.0.0", "--insecure"], code: 2, says: /hint: Leave --insecure away/u },
    { args: ["coordinator", "--listen", "[::1%lo]:7443"], code: 2, says: /zones are not supported/u },
    { args: ["devices", "list", "--coordinator", "[fe80::1%eth0]:7443"], code: 2, says: /zones are not supported/u },
    { args: ["agent", "--nats", "nats://[fe80::1%25eth0]:4222"], code: 2, says: /zones are not supported/u },
    { args: ["coordinator", "--heartbeat", "500ms"], code: 2, says: /Expected a duration of 1s or more/u },
    { args: ["coordinator", "--nats", "http://x"], code: 2, says: /begins with nats:/u },
    { args: ["coordinator", "--tls-cert", "x"], code: 2, says: /--tls-key belong together/u },
    { args: ["coordinator", "--client-san", "{device}"], code: 2, says: /--client-san belong together/u },
    { args: ["coordinator", "--nats-creds", "x"], code: 2, says: /--nats names none/u },
    { args: ["agent", "--device", "a b"], code: 2, says: /Expected 1 to 64 characters/u },
    { args: ["agent", "--label", "site"], code: 2, says: /Expected NAME=VALUE/u },
    { args: ["agent", "--method", "magic"], code: 2, says: /'magic' is invalid\. Allowed choices are norm, tent/u },
  ];
  for (const { args, code, says } of refused) {
    it(`refuses ${args.join(" ")}`, async () => {
      const outcome = await runCommand(args);
      assert.match(outcome.stderr, says);
      assert.match(outcome.stderr, /^error \([a-z-]+\): /mu);
      assert.equal(outcome.code, code);
      assert.equal(outcome.stdout, "");
    });
  }

  it("prints its version", async () => {
    const { code, stdout } = await runCommand(["--version"]);
    assert.equal(code, EXIT_CODES.ok);
    const [release, commit, tensorflow, node] = stdout.split("\n");
    assert.match(release ?? "", /^mpo \d+\.\d+\.\d+$/u);
    assert.match(commit ?? "", /^commit /u);
    assert.match(tensorflow ?? "", /^TensorFlow (\d+\.\d+\.\d+|not installed)$/u);
    assert.equal(node, `Node ${process.versions.node}`);
  });

  it("prints the models as a table, or one object a line", async () => {
    assert.match((await runCommand(["models"])).stdout, /resnet20/u);
    const { records, code } = await runCommand(["models", "--json"]);
    assert.equal(code, EXIT_CODES.ok);
    assert.deepEqual(
      records.map(({ name }) => name),
      MODEL_NAMES,
    );
    assert.equal(records[0]?.["publishedParameters"], 272_474);
  });

  it("ends, as a process too, once it has said what is wrong with an address", async (t) => {
    const user = { environment: userIn(await testFolder(t)) };
    const { certificatePem: caPem } = await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() });
    const fleet = { coordinators: ["127.0.0.1:1", "a.invalid:1"], caPem, token: createOperatorToken() };
    await writeContexts({ current: undefined, all: new Map([["fleet", fleet]]) }, user);
    const dead = "http://127.0.0.1:1";
    const cases: readonly (readonly [string, Readonly<Record<string, string>>, number, RegExp])[] = [
      ["[::1%lo]:7443", {}, EXIT_CODES.usage, /zones are not supported/u],
      ["127.0.0.1:1", { http_proxy: dead }, EXIT_CODES.unavailable, /127\.0\.0\.1:1 does not answer: connect ECONN/u],
      ["a.invalid:1", {}, EXIT_CODES.unavailable, /a\.invalid:1 does not answer/u],
      [
        "a.invalid:1",
        { http_proxy: dead },
        EXIT_CODES.unavailable,
        /through the proxy 127\.0\.0\.1:1 from http_proxy/u,
      ],
    ];
    for (const [coordinator, environment, code, says] of cases) {
      const env = { ...user.environment, ...environment, MPO_COORDINATOR: coordinator };
      const args = [...process.execArgv, MAIN, "devices", "list"];
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env, timeout: 60_000 });
      assert.match(stderr, says);
      assert.equal(status, code, stderr);
    }
  });

  it("loads the engine only for commands that need it", () => {
    const run = (...command: readonly string[]): number | null => {
      const args = [...process.execArgv, "--import", REFUSE_ENGINE, MAIN, ...command];
      return spawnSync(process.execPath, args, { stdio: "ignore" }).status;
    };
    assert.equal(run("--help"), EXIT_CODES.ok);
    assert.equal(run("models"), EXIT_CODES.internal);
    // They come as far as they can without a nats-server, and without a folder.
    assert.equal(run("coordinator", "--nats-server", "/nowhere"), EXIT_CODES.usage);
    assert.equal(run("agent", "--data", "/proc/nowhere"), EXIT_CODES.state);
  });
});

const HOOKS = `export async function load(url, context, next) {
  if (/packages.engine.|@tensorflow/.test(url)) throw new Error("loaded " + url);
  return await next(url, context);
}`;
const REGISTER = `import { register } from "node:module"; register(${JSON.stringify(moduleUrl(HOOKS))});`;
const REFUSE_ENGINE = moduleUrl(REGISTER);

function moduleUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

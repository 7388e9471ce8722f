import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { extname } from "node:path";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { createLogger, type LoggerOptions } from "./logger.ts";

function recorder(options: LoggerOptions = {}): { readonly logger: ReturnType<typeof createLogger>; lines: string[] } {
  const lines: string[] = [];
  return { logger: createLogger({ ...options, write: (line) => void lines.push(line) }), lines };
}

void test("lines are JSON with level, time, message, fields and the fields of every parent", () => {
  const { logger, lines } = recorder();
  logger.child({ deviceId: "pi-4" }).child({ requestId: "r1" }).info("hello", { bytes: 5 });
  logger.debug("not shown");
  assert.equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/u);
  assert.deepEqual(rest, { level: "info", deviceId: "pi-4", requestId: "r1", bytes: 5, msg: "hello" });
});

const nkeySeed = `SU${"A".repeat(56)}`;
const pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----";
const SECRETS = [
  ["a field by name", { joinToken: "hunter2" }],
  ["a nested field", { request: { headers: [{ Authorization: "hunter2" }] } }],
  ["a field that holds an object", { natsCredentials: { user: "hunter2" } }],
  ["a private key by name", { privateKey: "hunter2", signing_key: "hunter2" }],
  ["a bearer token in a text", { line: "Authorization: Bearer hunter2.hunter2" }],
  ["a token of ours in a text", { line: `--token mpo_hunter2${"x".repeat(36)}` }],
  ["a join secret in a text", { line: `mpoj_hunter2${"x".repeat(36)}` }],
  ["a join string in a text", { line: `mpo agent --join mpo-join-AQCHhunter2${"x".repeat(40)}` }],
  ["a JWT in a text", { url: "x?t=eyJhunter2.eyJhunter2.hunter2" }],
  ["an error's message", { err: new Error(`refused ${nkeySeed}`) }],
  ["an error's cause", { err: new MpoError("internal", "x", { cause: new Error(pem), hint: nkeySeed }) }],
] as const;
for (const [what, fields] of SECRETS) {
  void test(`${what} is not logged`, () => {
    const { logger, lines } = recorder();
    logger.error("failed", fields);
    logger.child(fields).error("failed");
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join(""), /hunter2|SUAAAA|MC4CAQ/u);
    assert.match(lines.join(""), /\[redacted\]/u);
  });
}

void test("what is no secret stays, and nothing that is logged breaks the logger", () => {
  const { logger, lines } = recorder();
  const circle: Record<string, unknown> = { publicKey: "pk", keyId: "k1", tokens: 3, hasToken: true };
  circle["self"] = circle;
  logger.info("odd", { ...circle, big: 2n ** 64n, bytes: new Uint8Array(3), nothing: undefined, token: null });
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.deepEqual([line["publicKey"], line["keyId"], line["tokens"], line["hasToken"]], ["pk", "k1", 3, true]);
  assert.deepEqual([line["big"], line["bytes"], line["token"]], [String(2n ** 64n), "[3 bytes]", null]);
});

void test("a stack is logged at level debug only", () => {
  for (const format of ["json", "text"] as const) {
    const { logger, lines } = recorder({ format });
    const err = new MpoError("internal", "x", { cause: new TypeError("a bug") });
    logger.error("failed", { err, all: [err] });
    logger.child({ err }).fatal("failed");
    assert.match(lines.join(""), /a bug/u);
    assert.doesNotMatch(lines.join(""), /stack|\bat /u);
  }
});

void test("an error is logged with code, hint, stack and causes", () => {
  const { logger, lines } = recorder({ level: "debug" });
  const cause = new TypeError("root");
  logger.error("failed", { err: new MpoError("unavailable", "no answer", { hint: "Start it.", cause }) });
  const { err } = JSON.parse(lines[0] as string) as { err: Record<string, unknown> };
  assert.deepEqual([err["code"], err["message"], err["hint"]], ["unavailable", "no answer", "Start it."]);
  assert.match(String(err["stack"]), /logger\.slow\.test\.ts/u);
  assert.equal((err["cause"] as Record<string, unknown>)["message"], "root");
});

void test("another level counts at once, for children that are there already", () => {
  const { logger, lines } = recorder();
  const child = logger.child({ deviceId: "pi-4" });
  child.debug("not shown");
  logger.setLevel("debug");
  child.debug("shown");
  logger.setLevel("error");
  child.warn("not shown");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ["shown"],
  );
});

void test("text lines are for people", () => {
  const { logger, lines } = recorder({ format: "text", level: "debug" });
  logger.debug("probing", { deviceId: "pi-4", config: "b 8" });
  logger.error("failed", { err: new MpoError("unavailable", "no answer", { hint: "Start it.", cause: "x" }) });
  assert.match(
    lines[0] as string,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z DEBUG probing deviceId=pi-4 config="b 8"\n$/u,
  );
  assert.match(
    lines[1] as string,
    /ERROR failed: no answer \(unavailable\)\n {4}hint: Start it\.\n +caused by: err=x\n$/u,
  );
  logger.error("failed", { err: new TypeError("a bug") });
  assert.match(lines[2] as string, /ERROR failed: a bug\n +at .*logger\.slow\.test/u);
});

void test("lines that cannot be written are dropped, counted and told once they can", () => {
  const written: string[] = [];
  let fails: "not" | "throws" | "calls back" = "not";
  const logger = createLogger({
    format: "text",
    write: (line, done) => {
      if (fails === "throws") throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
      if (fails === "calls back") return done(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
      written.push(line);
      return done();
    },
  });
  const say = (how: typeof fails, message: string): void => {
    fails = how;
    logger.info(message);
  };
  say("not", "one");
  say("throws", "two");
  say("calls back", "three");
  say("not", "four");
  say("not", "five");
  const messages = written.map((line) => line.replace(/^[\d-]+ [\d:.]+Z /u, "").trim());
  assert.deepEqual(messages, [
    "INFO  one",
    "INFO  four",
    "WARN  the log could not be written for a time: lines were lost lostLines=2",
    "INFO  five",
  ]);
});

void test("by default lines go to standard error at once, even when the process exits right after", () => {
  const script = `import { createLogger } from ${JSON.stringify(new URL(`./logger${extname(import.meta.url)}`, import.meta.url).href)};
    createLogger().info("last words"); process.exit(3);`;
  const args = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname });
  assert.equal(status, 3, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /"last words"/u);
});

for (const [what, into] of [
  ["a reader that is gone", "2> >(true)"],
  ["a full disk", "2>/dev/full"],
] as const) {
  void test(`by default ${what} ends nobody`, () => {
    const script = `import { createLogger } from ${JSON.stringify(new URL(`./logger${extname(import.meta.url)}`, import.meta.url).href)};
      const logger = createLogger();
      for (let line = 0; line < 5; line++) { logger.info("a line"); await new Promise((wake) => setTimeout(wake, 20)); }
      console.log("alive");`;
    const args = ["-c", `"$0" --conditions=source --import tsx --input-type=module -e "$1" ${into}`];
    const { status, stdout } = spawnSync("bash", [...args, process.execPath, script], {
      encoding: "utf8",
      cwd: import.meta.dirname,
    });
    assert.deepEqual([status, stdout], [0, "alive\n"]);
  });
}

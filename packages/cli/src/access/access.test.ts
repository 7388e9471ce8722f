import assert from "node:assert/strict";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  createCertificateAuthority,
  createJoinSecret,
  createOperatorToken,
  fingerprintOf,
  joinString,
  localJoinFile,
  writeLocalJoin,
} from "@mpo/identity";
import { createTerminal } from "../output/terminal.ts";
import { testFolder, userIn } from "../test-support/fleet-room.ts";
import { contextsFile, type FleetContext, readContexts, writeContexts } from "./contexts.ts";
import { findFleet } from "./find-fleet.ts";
import { findJoining } from "./find-joining.ts";
import { secretArgument } from "./secret-argument.ts";

const { certificatePem: CA } = await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() });
const context = (...coordinators: readonly string[]): FleetContext => ({
  coordinators,
  caPem: CA,
  token: createOperatorToken(),
});
const HERE = { host: "127.0.0.1", port: 7443 };
const THERE = { host: "fleet.example", port: 7443 };
const SECRET = createJoinSecret();
const LINE = joinString({ addresses: ["fleet.example:7443"], caDigest: fingerprintOf(CA), secret: SECRET });

/** A user of a machine with nothing yet. */
async function newUser(t: TestContext) {
  const workingFolder = await testFolder(t);
  const silent = { write: () => true };
  const environment: Record<string, string | undefined> = { ...userIn(workingFolder), MPO_JOIN_FILE: undefined };
  return { workingFolder, environment, terminal: createTerminal(silent, silent, [], environment) };
}

type User = Awaited<ReturnType<typeof newUser>>;

async function leaveLocalJoin({ environment }: User, port: number): Promise<string> {
  const path = localJoinFile(`${environment["XDG_STATE_HOME"]}/mpoptimizer`, port);
  const secrets = { accessToken: createOperatorToken(), joinString: LINE };
  await writeLocalJoin(path, { addresses: [`127.0.0.1:${port}`], caPem: CA, ...secrets });
  return path;
}

describe("the way to a fleet", () => {
  it("is the context that is named, else the one in use, else what a coordinator here has left", async (t) => {
    const user = await newUser(t);
    const from = async (where: object): Promise<string> => (await findFleet({ insecure: false, ...where }, user)).from;
    await assert.rejects(from({}), { code: "unavailable", hint: /mpo coordinator.*mpo login/u });
    const local = await leaveLocalJoin(user, 7443);
    assert.equal(await from({}), local);
    const all = new Map([
      ["berlin", context("fleet.example:7443")],
      ["paris", context("10.0.0.1:1", "10.0.0.2:1")],
    ]);
    await writeContexts({ current: undefined, all }, user);
    assert.equal(await from({}), local);
    await writeContexts({ current: "berlin", all }, user);
    assert.equal(await from({}), "context berlin");
    assert.equal(await from({ context: "paris" }), "context paris");
    await assert.rejects(from({ context: "rome" }), { code: "not-found", hint: /mpo context list/u });
  });

  it("to a coordinator that is named is its local join file, else the context that has it", async (t) => {
    const user = await newUser(t);
    const found = (where: object) => findFleet({ insecure: false, ...where }, user);
    const all = new Map([
      ["berlin", context("fleet.example:7443", "127.0.0.1:7443")],
      ["paris", context("10.0.0.1:1")],
    ]);
    await writeContexts({ current: "paris", all }, user);
    assert.equal((await found({ coordinator: [HERE] })).from, "context berlin");
    const local = await leaveLocalJoin(user, 7443);
    assert.deepEqual(
      [(await found({ coordinator: [HERE] })).from, (await found({ coordinator: [THERE] })).from],
      [local, "context berlin"],
    );
    const far = localJoinFile(`${user.environment["XDG_STATE_HOME"]}/mpoptimizer`, 7444);
    const secrets = { accessToken: createOperatorToken(), joinString: LINE };
    await writeLocalJoin(far, { addresses: ["192.168.1.10:7444"], caPem: CA, ...secrets });
    for (const host of ["192.168.1.10", "127.0.0.1"]) {
      const { targets, from } = await found({ coordinator: [{ host, port: 7444 }] });
      assert.deepEqual([targets, from], [["192.168.1.10:7444"], far]);
    }
    await assert.rejects(found({ coordinator: [{ host: "192.168.1.11", port: 7444 }] }), { code: "unauthenticated" });
    // By a tunnel, say: whom to believe is named beside it.
    const tunnel = await found({ coordinator: [{ host: "127.0.0.1", port: 9 }], context: "paris" });
    assert.deepEqual([tunnel.targets, tunnel.from], [["127.0.0.1:9"], "context paris"]);
    const unknown = { host: "other.example", port: 7443 };
    await assert.rejects(found({ coordinator: [unknown] }), { code: "unauthenticated", hint: /mpo login/u });
  });

  it("goes without TLS on this machine alone, and without a token", async (t) => {
    const user = await newUser(t);
    await leaveLocalJoin(user, 7443);
    const plain = await findFleet({ insecure: true }, user);
    assert.deepEqual(plain, { targets: ["127.0.0.1:7443"], from: "--insecure" });
    const far = findFleet({ insecure: true, coordinator: [HERE, THERE] }, user);
    await assert.rejects(far, { code: "invalid-argument", message: /--insecure with fleet\.example:7443/u });
  });

  it("is kept in a file that nobody else can read, and refused when somebody could", async (t) => {
    const user = await newUser(t);
    await writeContexts({ current: undefined, all: new Map([["a", context("a:1")]]) }, user);
    const path = contextsFile(user.environment);
    assert.equal(path, join(user.workingFolder, "config", "mpoptimizer", "contexts.json"));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual([...(await readContexts(user)).all.keys()], ["a"]);
    await chmod(path, 0o644);
    await assert.rejects(findFleet({ insecure: false }, user), { code: "precondition-failed" });
    await chmod(path, 0o600);
    await writeFile(path, '{"contexts": [{"name": "a", "context": {"token": "mpo_secret');
    await assert.rejects(readContexts(user), (thrown: Error & { readonly hint?: string }) => {
      assert.match(thrown.hint ?? "", /mpo login/u);
      assert.doesNotMatch(`${thrown.message}${thrown.stack}`, /mpo_secret/u);
      return true;
    });
  });
});

describe("the way into a fleet", () => {
  const plain = { insecure: false, isMember: false };

  it("is a line, from a file too; its addresses can be replaced", async (t) => {
    const user = await newUser(t);
    const joining = { coordinators: ["fleet.example:7443"], authority: { caDigest: fingerprintOf(CA) }, token: SECRET };
    assert.deepEqual((await findJoining({ ...plain, join: LINE }, user)).joining, joining);
    await writeFile(join(user.workingFolder, "join.txt"), `${LINE}\n`);
    assert.deepEqual((await findJoining({ ...plain, join: "@join.txt" }, user)).joining, joining);
    user.environment["MPO_JOIN_FILE"] = "join.txt";
    assert.deepEqual((await findJoining(plain, user)).joining, joining);
    const { targets } = await findJoining({ ...plain, coordinator: [HERE] }, user);
    assert.deepEqual(targets, ["127.0.0.1:7443"]);
    // Removed once the device has joined.
    user.environment["MPO_JOIN_FILE"] = "gone.txt";
    assert.deepEqual((await findJoining({ ...plain, isMember: true }, user)).joining, { coordinators: [] });
    await assert.rejects(findJoining(plain, user), { code: "unavailable", hint: /mpo coordinator.*mpo agent --join/u });
    await assert.rejects(findJoining({ ...plain, join: "@gone.txt" }, user), { code: "not-found" });
    const broken = findJoining({ ...plain, join: LINE.slice(0, -9) }, user);
    await assert.rejects(broken, { code: "invalid-argument", message: /cut short/u });
  });

  it("is the authority's certificate, or what a coordinator on this machine has left", async (t) => {
    const user = await newUser(t);
    await writeFile(join(user.workingFolder, "ca.pem"), CA);
    const byCa = { ...plain, ca: "ca.pem", coordinator: [THERE] };
    const authority = { caPem: CA };
    assert.deepEqual((await findJoining(byCa, user)).joining, { coordinators: ["fleet.example:7443"], authority });
    await assert.rejects(findJoining({ ...plain, ca: "ca.pem" }, user), {
      code: "invalid-argument",
      hint: /--coordinator/u,
    });
    await assert.rejects(findJoining({ ...byCa, join: LINE }, user), { message: /--ca and --join exclude/u });
    await assert.rejects(findJoining({ ...byCa, insecure: true }, user), { message: /--insecure and --ca exclude/u });
    await leaveLocalJoin(user, 7443);
    const local = { coordinators: ["127.0.0.1:7443"], authority, token: SECRET };
    assert.deepEqual((await findJoining(plain, user)).joining, local);
    // A device of another fleet stays what it is.
    assert.deepEqual((await findJoining({ ...plain, isMember: true }, user)).joining, { coordinators: [] });
    assert.deepEqual(await findJoining({ ...plain, insecure: true }, user), { targets: ["127.0.0.1:7443"] });
  });
});

describe("a secret on the command line", () => {
  it("is warned about where others can see it", async (t) => {
    const user = await newUser(t);
    let said = "";
    const write = (text: string): boolean => {
      said += text;
      return true;
    };
    const terminal = createTerminal({ write: () => true }, { write }, [], user.environment);
    await writeFile(join(user.workingFolder, "line"), LINE);
    await secretArgument("@line", { ...user, terminal });
    assert.equal(said, "");
    await secretArgument(LINE, { ...user, terminal });
    assert.match(said, /everybody on this machine can see/u);
    assert.ok(!said.includes(LINE));
  });

  it("is the text, or a file's, which must hold one line", async (t) => {
    const user = await newUser(t);
    assert.equal(await secretArgument("abc", user), "abc");
    await writeFile(join(user.workingFolder, "one"), "  abc \n");
    assert.equal(await secretArgument("@one", user), "abc");
    // As `npm run mpo -- token create > FILE` leaves it.
    const npm = `\n> mpoptimizer@0.1.0 mpo\n> node packages/cli/dist/main.js token create\n\n${LINE}\n`;
    await writeFile(join(user.workingFolder, "npm"), npm);
    assert.equal(await secretArgument("@npm", user), LINE);
    await writeFile(join(user.workingFolder, "lines"), `${LINE}\n${LINE}\n`);
    await assert.rejects(findJoining({ insecure: false, isMember: false, join: "@lines" }, user), {
      hint: /whole line/u,
    });
    await writeFile(join(user.workingFolder, "none"), "\n");
    await assert.rejects(secretArgument("@none", user), { code: "invalid-data", message: /is empty/u });
    await writeFile(join(user.workingFolder, "much"), "x".repeat(100_000));
    await assert.rejects(secretArgument("@much", user), { code: "invalid-data" });
    await mkdir(join(user.workingFolder, "folder"));
    await assert.rejects(secretArgument("@folder", user), (thrown: Error) => /folder/u.test(thrown.message));
  });
});

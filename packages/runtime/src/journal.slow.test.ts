import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Journal } from "./journal.ts";
import { encodeRecord, JOURNAL_HEADER, scanRecords } from "./journal-format.ts";

let folder = "";
let files = 0;
const newPath = (): string => join(folder, `${files++}.journal`);
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-journal-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();
const bytes = (content: string): Uint8Array => Buffer.from(content);

/** Opens, reads and closes. */
async function contents(path: string): Promise<{ readonly payloads: readonly string[]; readonly cutBytes: number }> {
  const journal = await Journal.open(path);
  await journal.close();
  return { payloads: journal.opening.payloads.map(text), cutBytes: journal.opening.cutBytes };
}

void test("records come back in order after reopening, empty ones too", async () => {
  const path = newPath();
  const journal = await Journal.open(path);
  assert.deepEqual(journal.opening, { payloads: [], cutBytes: 0, setAside: undefined });
  await Promise.all(["one", "", "three"].map((content) => journal.append(bytes(content))));
  assert.equal((await readFile(path)).length, journal.sizeBytes);
  await journal.close();
  assert.deepEqual((await contents(path)).payloads, ["one", "", "three"]);
  await assert.rejects(journal.append(bytes("late")), { code: "precondition-failed" });
});

void test("a file cut at every byte gives exactly the records that were whole, and can be used on", async () => {
  const path = newPath();
  const journal = await Journal.open(path);
  const sizes = [journal.sizeBytes];
  for (const content of ["first", "", "third record"]) {
    await journal.append(bytes(content));
    sizes.push(journal.sizeBytes);
  }
  await journal.close();
  const whole = await readFile(path);
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    const expected = ["first", "", "third record"].slice(0, sizes.filter((size) => size <= length).length - 1);
    const again = await Journal.open(path);
    assert.deepEqual(again.opening.payloads.map(text), length < 8 ? [] : expected, `cut at ${length}`);
    assert.equal(again.opening.setAside, undefined);
    await again.append(bytes("new"));
    await again.close();
    assert.deepEqual((await contents(path)).payloads, [...(length < 8 ? [] : expected), "new"], `after ${length}`);
  }
});

void test("any records survive any cut: the property at the level of bytes", () => {
  const records = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(records, fc.nat(), (payloads, cut) => {
      const file = Buffer.concat(payloads.map(encodeRecord));
      const length = cut % (file.length + 1);
      const scan = scanRecords(file.subarray(0, length), 40);
      const expected = payloads.slice(0, scan.payloads.length);
      assert.deepEqual(scan.payloads.map(text), expected.map(text));
      assert.equal(scan.goodBytes, Buffer.concat(expected.map(encodeRecord)).length);
      assert.notEqual(scan.end, "damaged");
      assert.equal(scan.end === "whole", scan.goodBytes === length);
      const next = payloads[expected.length];
      if (next !== undefined) assert.ok(scan.goodBytes + encodeRecord(next).length > length);
    }),
  );
});

void test("any flipped bit is noticed: no record comes back changed", () => {
  const records = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(records, fc.nat(), fc.integer({ min: 0, max: 7 }), (payloads, at, bit) => {
      const file = Buffer.concat(payloads.map(encodeRecord));
      const index = at % file.length;
      file[index] = (file[index] as number) ^ (1 << bit);
      const scan = scanRecords(file, 20);
      assert.notEqual(scan.end, "whole");
      assert.deepEqual(scan.payloads.map(text), payloads.slice(0, scan.payloads.length).map(text));
    }),
  );
});

void test("random bytes never throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (file) => scanRecords(file, 50).goodBytes <= file.length));
});

void test("a file that grew by zero bytes is torn, not full of empty records", async () => {
  const path = newPath();
  await writeFile(path, Buffer.concat([JOURNAL_HEADER, encodeRecord(bytes("a")), Buffer.alloc(4096)]));
  assert.deepEqual(await contents(path), { payloads: ["a"], cutBytes: 4096 });
});

void test("damage inside keeps what is before it, and puts the rest aside", async () => {
  const path = newPath();
  const parts = ["a", "b", "c"].map((content) => encodeRecord(bytes(content)));
  (parts[1] as Uint8Array)[8] = 0x7a;
  await writeFile(path, Buffer.concat([JOURNAL_HEADER, ...parts]));
  const journal = await Journal.open(path);
  await journal.close();
  assert.deepEqual(journal.opening.payloads.map(text), ["a"]);
  assert.equal(journal.opening.setAside, `${path}.damaged`);
  assert.deepEqual(await readFile(`${path}.damaged`), Buffer.concat(parts.slice(1)));
});

void test("compaction replaces all records, and appends go on behind it", async () => {
  const path = newPath();
  const journal = await Journal.open(path);
  for (const content of ["a", "b", "c"]) await journal.append(bytes(content));
  await journal.compact([bytes("b")]);
  await journal.append(bytes("d"));
  assert.equal((await readFile(path)).length, journal.sizeBytes);
  await journal.close();
  assert.deepEqual((await contents(path)).payloads, ["b", "d"]);
});

void test("compactions and appends under way together keep their order", async () => {
  const path = newPath();
  const journal = await Journal.open(path);
  const work = [journal.append(bytes("a")), journal.compact([bytes("x")]), journal.append(bytes("b"))];
  await Promise.all(work);
  await journal.close();
  assert.deepEqual((await contents(path)).payloads, ["x", "b"]);
});

const record = encodeRecord(bytes("kept"));
const FOREIGN = [
  ["zeros, as a power cut leaves", Buffer.alloc(Buffer.concat([JOURNAL_HEADER, record]).length)],
  ["fewer zeros than a header", Buffer.alloc(3)],
  ["what a newer release wrote", Buffer.concat([Buffer.from("MPOJ\u0002\0\0\0"), record])],
  ["another file", Buffer.from("something else")],
] as const;
for (const [what, content] of FOREIGN) {
  void test(`${what} is set aside whole, and the journal starts empty`, async () => {
    const path = newPath();
    await writeFile(path, content);
    const journal = await Journal.open(path);
    assert.deepEqual(journal.opening, { payloads: [], cutBytes: content.length, setAside: `${path}.damaged` });
    assert.deepEqual(await readFile(`${path}.damaged`), content);
    await journal.append(bytes("new"));
    await journal.close();
    assert.deepEqual(await contents(path), { payloads: ["new"], cutBytes: 0 });
  });
}

void test("oversize records and aborts are refused", async () => {
  const journal = await Journal.open(newPath(), { maxRecordBytes: 3 });
  await assert.rejects(journal.append(bytes("four")), { code: "invalid-argument", message: /4 bytes.*at most 3/u });
  await assert.rejects(journal.append(bytes("abc"), { signal: AbortSignal.abort() }), { code: "cancelled" });
  await journal.append(bytes("abc"));
  await journal.close();
});

/** Runs a script in a process of its own: `journal` is open on `path`. */
function inChild(path: string, script: string, prefix: string): ReturnType<typeof spawnSync> {
  const source = `import { Journal } from ${JSON.stringify(new URL(`./journal${extname(import.meta.url)}`, import.meta.url).href)};
    const journal = await Journal.open(${JSON.stringify(path)});
    ${script}`;
  const command = `${prefix} exec "$0" --conditions=source --import tsx --input-type=module -e "$1"`;
  return spawnSync("/bin/sh", ["-c", command, process.execPath, source], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
}

void test("a full disk fails the append, keeps the journal whole and lets it go on once there is room", async () => {
  const path = newPath();
  // A limit on the file's size (8 blocks of 512 bytes) makes the kernel write a part and then refuse, as a full disk does.
  const child = inChild(
    path,
    `await journal.append(Buffer.alloc(1000, "a"));
     await journal.append(Buffer.alloc(8000, "b")).then(() => console.log("no error"), (e) => console.log(e.code, e.hint));
     await journal.append(Buffer.alloc(1000, "c"));
     await journal.compact([Buffer.alloc(9000)]).catch((e) => console.log(e.code));
     await journal.append(Buffer.from("d"));`,
    "ulimit -f 8;",
  );
  assert.match(String(child.stdout), /^unavailable The disk is full.*\nunavailable\n$/u, String(child.stderr));
  assert.deepEqual((await contents(path)).payloads, ["a".repeat(1000), "c".repeat(1000), "d"]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

void test("what append has promised is there after kill -9", async () => {
  const path = newPath();
  const child = inChild(
    path,
    `for (let n = 0; ; n++) {
       await journal.append(Buffer.from(String(n)));
       (await import("node:fs")).writeSync(1, n + "\\n");
       if (n % 7 === 6) await journal.compact([Buffer.from(String(n))]);
       if (n === 40) { void journal.append(Buffer.alloc(100000)); setImmediate(() => process.kill(process.pid, "SIGKILL")); await new Promise(() => {}); }
     }`,
    "",
  );
  assert.equal(child.signal, "SIGKILL", String(child.stderr));
  const { payloads } = await contents(path);
  assert.deepEqual(payloads.slice(0, 7), ["34", "35", "36", "37", "38", "39", "40"]);
});

const canLock = spawnSync("chattr", ["+i", "/nowhere"]).error === undefined && process.getuid?.() === 0;

void test("a journal that was read-only for a while goes on once it is writable", { skip: !canLock }, async (t) => {
  const path = newPath();
  const journal = await Journal.open(path);
  await journal.append(bytes("before"));
  if (spawnSync("chattr", ["+i", path]).status !== 0) return t.skip("this file system has no such attribute");
  await assert.rejects(journal.append(bytes("lost")), { code: "precondition-failed" });
  await assert.rejects(journal.append(bytes("lost")), { code: "precondition-failed" });
  spawnSync("chattr", ["-i", path]);
  await journal.append(bytes("after"));
  await journal.close();
  assert.deepEqual(await contents(path), { payloads: ["before", "after"], cutBytes: 0 });
});

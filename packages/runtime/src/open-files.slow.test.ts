import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { extname } from "node:path";
import { test } from "node:test";
import { connectionsWithin, readOpenFiles } from "./open-files.ts";

void test("what is open and what may be is read from the system", { skip: process.platform !== "linux" }, () => {
  const script = `const { readOpenFiles } = await import(${JSON.stringify(new URL(`./open-files${extname(import.meta.url)}`, import.meta.url).href)});
    console.log(JSON.stringify(await readOpenFiles()));`;
  // Node raises the soft limit to the hard one.
  const command =
    'ulimit -Sn 200; ulimit -Hn 300; exec "$0" --conditions=source --import tsx --input-type=module -e "$1"';
  const { stdout, stderr } = spawnSync("bash", ["-c", command, process.execPath, script], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  const { limit, open } = JSON.parse(stdout || JSON.stringify(stderr)) as { limit: number; open: number };
  assert.equal(limit, 300);
  assert.ok(open > 3 && open < 100, String(open));
});

void test("some descriptors are kept back, and nothing is known where there is no /proc", async () => {
  assert.equal(await readOpenFiles("/nowhere"), undefined);
  const table = [
    [256, 30, 162],
    [1_024, 30, 866],
    [20_000, 30, 17_470],
    [10, 9, 1],
  ] as const;
  for (const [limit, open, expected] of table) assert.equal(connectionsWithin({ limit, open }), expected);
});

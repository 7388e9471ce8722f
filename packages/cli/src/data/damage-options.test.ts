import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { CORRUPTION_NAMES, type CorruptionOptions } from "@mpo/datasets";
import { createTerminal } from "../output/terminal.ts";
import { damageOptions, type FrostOptions } from "./damage-options.ts";

const { signal } = new AbortController();

async function chosen(
  corruptions: readonly string[],
  options: FrostOptions,
  workingFolder = "/nowhere",
): Promise<readonly [CorruptionOptions, string]> {
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const terminal = createTerminal(stream, stream, []);
  return [
    await damageOptions(corruptions, options, { terminal, environment: {}, workingFolder, signal }),
    said.join(""),
  ];
}

void test("where images are frosted, one line says which frost it is", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-frost-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [drawn, saidOfDrawn] = await chosen(CORRUPTION_NAMES, {});
  assert.deepEqual(drawn, { signal });
  assert.match(saidOfDrawn, /^frost: drawn ice; --frost-pictures FOLDER .*\n$/u);
  for (const name of ["frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"]) {
    const white = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="80"><rect fill="#fff"/></svg>';
    await writeFile(join(folder, name), white);
  }
  const [photographed, said] = await chosen(["frost"], { frostPictures: "." }, folder);
  assert.deepEqual(
    photographed.frostPictures?.map(({ height, width }) => [height, width]),
    Array.from({ length: 5 }, () => [80, 90]),
  );
  assert.equal(said, `frost: the photographs in ${folder}\n`);
});

void test("without frost nothing is said, and pictures are refused", async () => {
  assert.deepEqual(await chosen(["snow"], {}), [{ signal }, ""]);
  await assert.rejects(
    chosen(["snow"], { frostPictures: "." }),
    (error) =>
      error instanceof MpoError && error.code === "invalid-argument" && /would be ignored/u.test(error.message),
  );
});

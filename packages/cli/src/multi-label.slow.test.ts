import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "./testing/run-command.ts";

const CASE = fileURLToPath(new URL("../../engine/cases/models/softmax-last", import.meta.url));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-multi-label-"));
  await cp(CASE, join(folder, "model"), { recursive: true });
  const file = join(folder, "model", "model.json");
  await writeFile(file, (await readFile(file, "utf8")).replaceAll('"softmax"', '"sigmoid"'));
});
after(() => rm(folder, { recursive: true, force: true }));

const data = ["--dataset", "npy", "--data", "none.npy"];
const COMMANDS: readonly (readonly [name: string, ...args: string[]])[] = [
  ["models describe", "MODEL"],
  ["convert", "MODEL", "OUT"],
  ["predict", "--weights", "MODEL", "--input", "none.npy", "-o", "OUT"],
  ["evaluate", "--weights", "MODEL", ...data],
  ["retrain", "--weights", "MODEL", ...data, "-o", "OUT"],
  ["retrain", "--weights", "MODEL", ...data, "-o", "OUT", "--auto", "--memory", "100MiB", "--window", "20s"],
  ["probe", "--weights", "MODEL", "-o", "OUT"],
];
for (const [name, ...args] of COMMANDS) {
  const title = args.includes("--auto") ? `${name} --auto` : name;
  void it(`a model of several labels for an input is refused by ${title}, with what is supported`, async () => {
    const given = args.map((arg) => arg.replace("MODEL", join(folder, "model")).replace("OUT", join(folder, "out")));
    const { code, stderr } = await runCommand([...name.split(" "), ...given]);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /gives no classes: it ends in 4 sigmoids, which is several labels for one input/u);
    assert.match(stderr, /hint: Supported are models that end in .* one softmax .* one output's sigmoid/u);
    assert.deepEqual(await readdir(folder), ["model"], "nothing is written");
  });
}

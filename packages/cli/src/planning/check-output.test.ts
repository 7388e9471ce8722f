import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "../testing/run-command.ts";
import { checkModelOutput } from "./check-model-output.ts";
import { checkOutput } from "./check-output.ts";

describe("an output", () => {
  let workingFolder: string;
  before(async () => {
    workingFolder = await mkdtemp(join(tmpdir(), "mpo-output-"));
    await writeFile(join(workingFolder, "there"), "mine");
    await symlink("there", join(workingFolder, "link"));
  });
  after(() => rm(workingFolder, { recursive: true, force: true }));
  const check = (path: string, force = false): Promise<void> => checkOutput("--html", path, { workingFolder, force });

  it("that is there already is written over only where that is wanted", async () => {
    const hint = "Choose another --html, or add --force to write over it.";
    const refusal = (path: string): object => ({
      code: "already-exists",
      message: `--html ${path} is there already`,
      hint,
    });
    await assert.rejects(check("there"), refusal("there"));
    await assert.rejects(check("link"), refusal("link"));
    await check("there", true);
    assert.equal(await readFile(join(workingFolder, "there"), "utf8"), "mine");
  });

  it("is a file: neither a folder nor a device, which a rename would replace", async () => {
    for (const force of [false, true]) {
      await assert.rejects(check(".", force), {
        code: "invalid-argument",
        message: /it is a folder; expected a file/u,
      });
      await assert.rejects(check("/dev/null", force), { message: /it is a device or pipe; expected a file/u });
    }
  });

  it("leaves nothing behind when it is checked, no folder either", async () => {
    await check(join("new", "folder", "file"));
    await checkModelOutput("model", { workingFolder, force: false });
    await assert.rejects(check(join("there", "inside")), { message: /its folder cannot be written to/u });
    assert.deepEqual(await readdir(workingFolder), ["link", "there"]);
  });

  it("of a model is taken by a card alone, too", async () => {
    await writeFile(join(workingFolder, "model-card.json"), "{}");
    const refused = checkModelOutput(".", { workingFolder, force: false });
    await assert.rejects(refused, { code: "already-exists", message: "--output . holds a model already" });
    await checkModelOutput(".", { workingFolder, force: true });
  });

  it("is refused by each command before it begins", async () => {
    const path = join(workingFolder, "there");
    const none = join(workingFolder, "none");
    for (const args of [
      ["probe", "--model", "resnet20", "-o", path],
      ["predict", "--weights", none, "--input", none, "-o", path],
      ["data", "describe", none, "--html", path],
      ["profiles", "export", "pi-1", "-o", path],
      ["events", "export", "-o", path],
    ]) {
      const { code, stderr } = await runCommand(args);
      assert.equal(code, EXIT_CODES.state, args.join(" "));
      assert.match(stderr, /there is there already/u);
    }
    assert.equal(await readFile(path, "utf8"), "mine");
  });
});

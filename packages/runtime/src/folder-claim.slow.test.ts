import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { describe, it } from "node:test";
import { claimFolder } from "./folder-claim.ts";

const HINT = { hint: "Take another one." };
const OWNER = `
  const { claimFolder } = await import(process.env.MODULE);
  await claimFolder(process.env.FOLDER, { hint: "" });
  console.log("has it");
  setInterval(() => undefined, 1000);
`;

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-claim-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

void describe("claimFolder", { skip: process.platform !== "linux" }, () => {
  void it("gives it to one of many at once, whatever a killed owner left", () =>
    withFolder(async (folder) => {
      for (const left of [undefined, "999999999\n", `${process.pid}\n`, "nonsense", ""]) {
        if (left !== undefined) await writeFile(join(folder, "owner.pid"), left);
        const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimFolder(folder, HINT)));
        const won = claims.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
        assert.equal(won.length, 1, left);
        assert.equal(await readFile(join(folder, "owner.pid"), "utf8"), `${process.pid}\n`);
        await won[0]?.[Symbol.asyncDispose]();
        assert.deepEqual(await readdir(folder), []);
      }
    }));

  void it("knows it under another name, names the owner, and is free when that one is killed", () =>
    withFolder(async (folder) => {
      await symlink(folder, join(folder, "again"));
      const MODULE = new URL(`./folder-claim${extname(import.meta.url)}`, import.meta.url).href;
      const args = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", OWNER];
      const child = spawn(process.execPath, args, {
        env: { ...process.env, MODULE, FOLDER: folder },
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(child, "exit");
      try {
        await once(child.stdout, "data");
        await assert.rejects(claimFolder(join(folder, "again"), HINT), {
          code: "already-exists",
          message: `process ${child.pid} uses ${join(folder, "again")} already`,
          ...HINT,
        });
      } finally {
        child.kill("SIGKILL");
        await exit;
      }
      await (await claimFolder(folder, HINT))[Symbol.asyncDispose]();
    }));

  void it("refuses a folder that is not there", () =>
    withFolder((folder) => assert.rejects(claimFolder(join(folder, "none"), HINT), { code: "not-found" })));
});

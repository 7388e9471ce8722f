import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { extname, join } from "node:path";
import { describe, it } from "node:test";
import { claimFolder } from "./folder-claim.ts";

const HINT = { hint: "Take another one." };
const OTHER_CONTAINER = ["--net", "--pid", "--fork", "--mount-proc"];
const noNamespaces =
  spawnSync("unshare", [...OTHER_CONTAINER, "true"]).status === 0 ? false : "namespaces cannot be made";

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
        if (left !== undefined) await writeFile(join(folder, "owner.lock"), left);
        const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimFolder(folder, HINT)));
        const won = claims.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
        assert.equal(won.length, 1, left);
        assert.match(
          await readFile(join(folder, "owner.lock"), "utf8"),
          new RegExp(`^${process.pid} \\S+ \\S+\\n$`, "u"),
        );
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
          message: new RegExp(
            `^process ${child.pid} on ${hostname()} \\(since 2.*\\) uses ${folder}/again already$`,
            "u",
          ),
          ...HINT,
        });
      } finally {
        child.kill("SIGKILL");
        await exit;
      }
      await (await claimFolder(folder, HINT))[Symbol.asyncDispose]();
    }));

  void it("is one over network and process namespaces", { skip: noNamespaces }, () =>
    withFolder(async (folder) => {
      await using _claim = await claimFolder(folder, { ...HINT, host: "here" });
      const MODULE = new URL(`./folder-claim${extname(import.meta.url)}`, import.meta.url).href;
      const node = [process.execPath, "--conditions=source", "--import", "tsx", "--input-type=module", "-e", OWNER];
      const { stderr, status } = spawnSync("unshare", [...OTHER_CONTAINER, ...node], {
        env: { ...process.env, MODULE, FOLDER: folder },
        cwd: import.meta.dirname,
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.match(stderr, new RegExp(`process ${process.pid} on here \\(since .*\\) uses ${folder} already`, "u"));
      assert.equal(status, 1);
    }),
  );

  void it("lets nobody in twice while owners come and go", () =>
    withFolder(async (folder) => {
      let owners = 0;
      let turns = 0;
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let turn = 0; turn < 8; turn++) {
            const claim = await claimFolder(folder, HINT).catch(() => undefined);
            if (claim === undefined) continue;
            owners += 1;
            assert.equal(owners, 1);
            await new Promise((wake) => setTimeout(wake, 2));
            owners -= 1;
            turns += 1;
            await claim[Symbol.asyncDispose]();
          }
        }),
      );
      assert.ok(turns > 1, `${turns} turns`);
    }));

  void it("says which program is missing", () =>
    withFolder(async (folder) => {
      const { PATH } = process.env;
      process.env["PATH"] = folder;
      try {
        await assert.rejects(claimFolder(folder, HINT), { code: "precondition-failed", hint: /util-linux/u });
      } finally {
        process.env["PATH"] = PATH;
      }
    }));

  void it("refuses a folder that is not there", () =>
    withFolder((folder) => assert.rejects(claimFolder(join(folder, "none"), HINT), { code: "not-found" })));
});

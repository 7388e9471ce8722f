import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const UNITS = readdirSync(FOLDER).filter((name) => name.endsWith(".service"));
/** Of 10; most services of a Debian have more than 9. */
const MOST_EXPOSURE = 3;
/** Of systemd 254; older ones say that they do not know them, and leave them out. */
const NEWER_KEYS = /Unknown key(?: name)? '(?:RestartSteps|RestartMaxDelaySec)'/u;

const { stdout: version = "", error } = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" });
const release = Number(/^systemd (\d+)/u.exec(version)?.[1] ?? 0);
// `security --offline` came with 250.
const skip =
  error !== undefined ? "no systemd-analyze" : release < 250 ? `systemd ${release} cannot read units offline` : false;

describe("the units", { skip }, () => {
  for (const name of UNITS) {
    it(`${name} exposes little of the system`, () => {
      const args = ["security", "--offline=true", "--no-pager", join(FOLDER, name)];
      const { stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
      const exposure = Number(/Overall exposure level for .*: ([\d.]+)/u.exec(stdout)?.[1] ?? Number.NaN);
      assert.ok(exposure <= MOST_EXPOSURE, `${exposure}\n${stderr}`);
    });

    it(`${name} is understood by systemd`, () => {
      const folder = mkdtempSync(join(tmpdir(), "mpo-units-"));
      try {
        // What it starts is not installed here.
        const unit = readFileSync(join(FOLDER, name), "utf8").replaceAll("/usr/bin/mpo", "/bin/true");
        writeFileSync(join(folder, name), unit);
        writeFileSync(join(folder, "mpo.slice"), readFileSync(join(FOLDER, "mpo.slice")));
        const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", join(folder, name)], {
          encoding: "utf8",
        });
        const said = stderr.split("\n").filter((line) => line.includes(folder) && !NEWER_KEYS.test(line));
        assert.deepEqual(said, []);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it(`${name} restarts whatever happens, but for a wrong setting, and lets V8 write the code that it runs`, () => {
      const unit = readFileSync(join(FOLDER, name), "utf8");
      for (const line of [
        "Type=notify",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "KillMode=mixed",
      ]) {
        assert.match(unit, new RegExp(`^${line}$`, "mu"));
      }
      assert.match(unit, /^WatchdogSec=/mu);
      assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=/mu);
    });
  }
});

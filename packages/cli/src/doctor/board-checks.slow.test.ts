import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { testFolder } from "../test-support/fleet-room.ts";
import { checkMount, checkPower, checkTimeSync } from "./board-checks.ts";
import type { DoctorContext } from "./check.ts";

/** A board with these files; programs are not in its PATH. */
async function board(context: TestContext, files: Readonly<Record<string, string>>): Promise<DoctorContext> {
  const systemRoot = await testFolder(context);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(systemRoot, path)), { recursive: true });
    await writeFile(join(systemRoot, path), text);
  }
  return { systemRoot, environment: {}, signal: new AbortController().signal };
}

describe("the doctor on a board", () => {
  const flags: Readonly<Record<string, readonly [string, RegExp]>> = {
    "0": ["ok", /no under-voltage/u],
    "50005": ["warning", /now: under-voltage, throttled/u],
    "50000": ["warning", /since it was started: under-voltage, throttled/u],
    "80008": ["warning", /temperature/u],
  };
  for (const [text, [state, says]] of Object.entries(flags)) {
    it(`reads what the firmware says of power: ${text}`, async (t) => {
      const found = await checkPower(
        await board(t, { "sys/devices/platform/soc/soc:firmware/get_throttled": `${text}\n` }),
      );
      assert.equal(found.state, state);
      assert.match(found.found, says);
    });
  }

  it("says when there is no such firmware", async (t) =>
    assert.equal((await checkPower(await board(t, {}))).state, "ok"));

  it("finds an SD card that the kernel has made read-only, or that has errors", async (t) => {
    const root = "/dev/mmcblk0p2 / ext4";
    const at = async (options: string, more: Readonly<Record<string, string>> = {}) =>
      await checkMount(
        await board(t, { "proc/mounts": `${root} ${options} 0 0\nproc /proc proc rw 0 0\n`, ...more }),
        "/no/such",
      );
    assert.equal((await at("rw,noatime")).state, "ok");
    const failed = await at("ro,noatime,errors=remount-ro");
    assert.deepEqual([failed.state, /mmcblk0p2 at \/, ext4: read-only/u.test(failed.found)], ["broken", true]);
    assert.match((await at("rw", { "sys/fs/ext4/mmcblk0p2/errors_count": "3\n" })).found, /3 errors/u);
  });

  it("says that it does not know the disk where the kernel names none, as in a chroot", async (t) => {
    for (const files of [{}, { "proc/mounts": "" }, { "proc/mounts": "proc /proc proc rw 0 0\n" }]) {
      assert.deepEqual(await checkMount(await board(t, files), "/var/lib/mpo/agent"), {
        state: "ok",
        found: "not known: /proc/mounts names no disk of /var/lib, as in a chroot",
      });
    }
    const nameless = await checkMount(await board(t, { "proc/mounts": " /\n" }), "/var");
    assert.equal(nameless.found, "a disk without a name at /, of a kind not known");
  });

  it("knows whether a time server keeps the clock", async (t) => {
    assert.match(
      (await checkTimeSync(await board(t, { "run/systemd/timesync/synchronized": "" }))).found,
      /timesyncd/u,
    );
    const bin = await testFolder(t);
    await writeFile(join(bin, "timedatectl"), "#!/bin/sh\necho no\n", { mode: 0o755 });
    const unsynchronised = { ...(await board(t, {})), environment: { PATH: bin } };
    assert.equal((await checkTimeSync(unsynchronised)).state, "warning");
    assert.match((await checkTimeSync(await board(t, {}))).found, /not known/u);
  });
});

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { promisify } from "node:util";
import type { DoctorContext, Finding } from "./check.ts";
import { existingParent } from "./storage-check.ts";

const PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled";
/** Raspberry Pi firmware: each as of now, and, 16 bits higher, since the board was started. */
const PI_FLAGS: readonly (readonly [bit: number, says: string])[] = [
  [1, "under-voltage"],
  [2, "frequency capped"],
  [4, "throttled"],
  [8, "near its temperature limit"],
];
const POWER = "Use a power supply and a cable made for the board; under-voltage slows it down, and damages SD cards.";

/** The board has the power that it needs, and is cool enough. */
export async function checkPower({ systemRoot }: DoctorContext): Promise<Finding> {
  const text = await textOf(join(systemRoot, PI_THROTTLED));
  if (text === undefined) return { state: "ok", found: "the firmware does not report it: no Raspberry Pi" };
  const flags = Number.parseInt(text, 16);
  const now = PI_FLAGS.flatMap(([bit, says]) => ((flags & bit) === 0 ? [] : [says]));
  const before = PI_FLAGS.flatMap(([bit, says]) => ((flags & (bit << 16)) === 0 ? [] : [says]));
  if (now.length === 0 && before.length === 0) return { state: "ok", found: "no under-voltage since it was started" };
  const found = now.length > 0 ? `now: ${now.join(", ")}` : `since it was started: ${before.join(", ")}`;
  const isPower = [...now, ...before].includes("under-voltage");
  return { state: "warning", found, fix: isPower ? POWER : "Cool it: a heat sink, a fan, or more air." };
}

/** The disk of the state is not one that the kernel has given up. */
export async function checkMount({ systemRoot }: DoctorContext, folder: string): Promise<Finding> {
  const parent = await existingParent(folder);
  const mounts = ((await textOf(join(systemRoot, "proc/mounts"))) ?? "").split("\n").flatMap((line) => {
    const [device = "", at = "", kind = "", options = ""] = line.split(" ");
    if (at === "") return [];
    const isAround = parent === at || parent.startsWith(at.endsWith(sep) ? at : `${at}${sep}`);
    return isAround ? [{ device, at, kind, isReadOnly: options.split(",").includes("ro") }] : [];
  });
  // Of those at one place, the last one is seen.
  const mount = mounts.reduce<(typeof mounts)[number] | undefined>(
    (best, one) => (best === undefined || one.at.length >= best.at.length ? one : best),
    undefined,
  );
  if (mount === undefined) {
    return { state: "ok", found: `not known: /proc/mounts names no disk of ${parent}, as in a chroot` };
  }
  const found = `${mount.device || "a disk without a name"} at ${mount.at}, ${mount.kind || "of a kind not known"}`;
  if (mount.isReadOnly) {
    return {
      state: "broken",
      found: `${found}: read-only`,
      fix: "An SD card that fails is made read-only by the kernel (dmesg says so): copy what is needed, and replace it. Else: mount -o remount,rw.",
    };
  }
  const errors = Number(
    (await textOf(join(systemRoot, `sys/fs/ext4/${mount.device.split("/").at(-1)}/errors_count`))) ?? 0,
  );
  if (errors === 0) return { state: "ok", found };
  return {
    state: "warning",
    found: `${found}: ${errors} errors of its file system`,
    fix: "Check it (fsck), make a copy, and replace the card if there are more.",
  };
}

/** The clock is kept by a time server. */
export async function checkTimeSync({ systemRoot, environment, signal }: DoctorContext): Promise<Finding> {
  const fix = "timedatectl set-ntp true; a board without a battery has no time of its own after a power cut.";
  if ((await readdir(join(systemRoot, "run/systemd/timesync")).catch((): string[] => [])).includes("synchronized"))
    return { state: "ok", found: "by systemd-timesyncd" };
  const options = { signal, env: { PATH: environment["PATH"] ?? "" } };
  const asked = promisify(execFile)("timedatectl", ["show", "--property", "NTPSynchronized", "--value"], options);
  const said = await asked.then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
  if (said === "yes") return { state: "ok", found: "by a time server" };
  if (said === "no") return { state: "warning", found: "by no time server", fix };
  return { state: "ok", found: "not known: no timedatectl here" };
}

async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}

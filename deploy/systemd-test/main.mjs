/**
 * Boots Debian 12 with systemd as its first process, with the packages of a release in it, and looks whether the units do
 * what they promise: start, notify, reload, restart, give way, keep jobs within their memory. In a container of namespaces
 * alone; with --machine in an emulated machine with a kernel of its own too, since a host keeps its controllers of memory.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { whyNotHere } from "../install-test/debian-root.mjs";
import { installPackages } from "../install-test/packages.mjs";
import { MACHINES } from "../release/facts.mjs";
import { requireTools, runTool } from "../release/tools.mjs";
import { ensureArtefact, exists } from "../setup/cache.mjs";
import { runChild } from "../setup/child.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { runScript } from "../setup/script.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {{ check: string, isOk: boolean, ms: number, found: unknown }} Result */

const USAGE = `usage: npm run test:systemd -- [--packages FOLDER] [--machine] [--keep]

Boots Debian 12 with systemd and the packages of a release, and looks whether the units do what they promise. Needs root.

  --packages FOLDER  the release (default: dist-release)
  --machine          in an emulated machine with a kernel of its own, instead of a container (up to an hour)
  --keep             leave the system, and say where it is
  --help             print this`;
const OPTIONS = /** @type {const} */ ({
  packages: { type: "string", default: "dist-release" },
  machine: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
});
const HERE = fileURLToPath(new URL(".", import.meta.url));
/** A small model, to be measured where jobs have groups of their own. */
const MODEL = fileURLToPath(new URL("../../packages/engine/cases/models/binary", import.meta.url));
const DEBIAN = ["systemd-sysv", "dbus", "procps"];
const KERNEL = ["linux-image-cloud-amd64", "initramfs-tools"];
const OURS = ["mpo", "mpo-engine", "mpo-agent", "mpo-coordinator"];
const RESULTS = "opt/systemd-test/results";
const CGROUPS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const CONTAINER_MS = 15 * 60_000;
/** Emulated: some twenty times as long. */
const MACHINE_MS = 90 * 60_000;
const DISK_BYTES = 4 * 2 ** 30;

/**
 * @param {SetupContext} context
 * @returns {Promise<string>} the archive of a Debian 12 that boots
 */
async function ensureBootable(context) {
  await requireTools(context, { mmdebstrap: "mmdebstrap" });
  const { folder } = await ensureArtefact(context, {
    name: "release/debian-12-bootable",
    label: "Debian 12 with systemd and a kernel",
    roomBytes: 2000e6,
    build: async (staging) => {
      context.say.work("getting Debian 12 with systemd and a kernel (minutes)");
      const included = `--include=${[...DEBIAN, ...KERNEL].join(",")}`;
      const args = ["--variant=minbase", included, "bookworm", join(staging, "system.tar")];
      await runTool(context, "mmdebstrap", args, { env: { TMPDIR: staging } });
      return {};
    },
  });
  return join(folder, "system.tar");
}

/**
 * @param {string} root
 * @param {{ scene: "container" | "machine", results: string }} options
 */
async function placeTest(root, { scene, results }) {
  const folder = join(root, "opt/systemd-test");
  await mkdir(folder, { recursive: true });
  for (const file of ["in-guest.mjs", "hog.mjs"]) await copyFile(join(HERE, file), join(folder, file));
  await cp(MODEL, join(folder, "model"), { recursive: true });
  const unit = await readFile(join(HERE, "mpo-systemd-test.service"), "utf8");
  const units = join(root, "etc/systemd/system");
  await writeFile(join(units, "mpo-systemd-test.service"), unit.replace("SCENE", scene).replace("RESULTS", results));
  const wants = join(units, "multi-user.target.wants/mpo-systemd-test.service");
  await rm(wants, { force: true });
  await symlink("../mpo-systemd-test.service", wants);
  await writeFile(join(root, "etc/hostname"), "board\n");
  if (scene === "container") return;
  for (const name of ["mpo-agent", "mpo-coordinator"]) {
    const folder = join(units, `${name}.service.d`);
    await mkdir(folder, { recursive: true });
    // Emulated, what takes a second takes minutes on a busy host.
    await writeFile(join(folder, "slow.conf"), "[Service]\nTimeoutStartSec=infinity\nWatchdogSec=0\n");
  }
}

/**
 * Boots a system in namespaces. Its control groups lie below one of their own, which is gone afterwards.
 * @param {SetupContext} context
 * @param {string} root
 * @param {string} packages
 */
async function bootContainer(context, root, packages) {
  await placeTest(root, { scene: "container", results: `file:/${RESULTS}` });
  const files = (await readdir(packages)).filter((name) => name.endsWith("_amd64.deb"));
  for (const file of files) await cp(join(packages, file), join(root, "opt/systemd-test/packages", file));
  const boot = await readFile(join(HERE, "boot-container.sh"), "utf8");
  const [group, command] = [`mpo-systemd-test-${process.pid}`, ["sh", "-ec", boot, "sh", await unifiedGroups()]];
  const { code, stderr } = await runChild(
    "timeout",
    ["--kill-after=10", `${CONTAINER_MS / 1000}`, ...command, group, root],
    {
      env: { PATH: context.env["PATH"] },
      signal: context.signal,
    },
  );
  const results = await readFile(join(root, RESULTS), "utf8").catch(() => "");
  return { text: results, trouble: `ended with ${code}: ${stderr.trim()}` };
}

/** @returns {Promise<string>} where control groups of version 2 are */
async function unifiedGroups() {
  for (const folder of CGROUPS) {
    if (await exists(join(folder, "cgroup.controllers"))) return folder;
  }
  throw new SetupFailure("control groups of version 2 are not mounted here.", "mount them: systemd needs them.");
}

/**
 * Boots a system in a machine of its own: with its kernel, emulated.
 * @param {SetupContext} context
 * @param {string} root
 * @param {string} folder
 */
async function bootMachine(context, root, folder) {
  await requireTools(context, { "qemu-system-x86_64": "qemu-system-x86", mke2fs: "e2fsprogs" });
  await placeTest(root, { scene: "machine", results: "file:/dev/ttyS1" });
  const at = (/** @type {string} */ name) => join(folder, name);
  const [disk, results, console] = [at("disk.img"), at("results"), at("console")];
  await writeFile(disk, "");
  await truncate(disk, DISK_BYTES);
  await runTool(context, "mke2fs", ["-q", "-t", "ext4", "-d", root, disk]);
  const boot = await readdir(join(root, "boot"));
  const inBoot = (/** @type {string} */ name) => join(root, "boot", boot.find((one) => one.startsWith(name)) ?? name);
  // Not KVM: nested in other machines it is there and does not work.
  const machine = [
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "max",
    "-smp",
    "2",
    "-m",
    "2048",
    "-display",
    "none",
    "-no-reboot",
    "-nodefaults",
  ];
  const drive = ["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`, "-device", "virtio-rng-pci"];
  const serial = ["-serial", `file:${console}`, "-serial", `file:${results}`];
  const linux = [
    "-kernel",
    inBoot("vmlinuz-"),
    "-initrd",
    inBoot("initrd.img-"),
    "-append",
    "root=/dev/vda rw console=ttyS0 quiet",
  ];
  const { code, stderr } = await runChild(
    "timeout",
    [`${MACHINE_MS / 1000}`, "qemu-system-x86_64", ...machine, ...linux, ...drive, ...serial],
    { env: context.env, signal: context.signal },
  );
  const said = await readFile(console, "utf8").catch(() => "");
  return {
    text: await readFile(results, "utf8").catch(() => ""),
    trouble: `ended with ${code}: ${stderr.trim()}\n${said.slice(-1500)}`,
  };
}

/**
 * @param {SetupContext} context
 * @param {string} where
 * @param {{ text: string, trouble: string }} booted
 * @returns {number} how many checks failed
 */
function report({ say }, where, { text, trouble }) {
  const results = text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => /** @type {Result} */ (JSON.parse(line)));
  for (const { check, isOk, ms, found } of results) {
    const words = typeof found === "string" ? found : JSON.stringify(found);
    say.work(
      `${where}: ${isOk ? "ok  " : "FAIL"} ${check} (${(ms / 1000).toFixed(1)} s)\n    ${words.trim().replaceAll("\n", "\n    ")}`,
    );
  }
  const failed = results.filter(({ isOk }) => !isOk).length;
  // The last check stops the units; without it, the system did not come to its end.
  const isWhole = results.at(-1)?.check.startsWith("both end in time") === true;
  if (!isWhole) say.work(`${where}: FAIL it did not come to its end: ${trouble}`);
  return failed + (isWhole ? 0 : 1);
}

await runScript({ name: "systemd", usage: USAGE, options: OPTIONS }, async (context, values) => {
  const { say } = context;
  const why =
    process.arch === "x64" ? await whyNotHere(context, MACHINES.amd64) : `it boots amd64, and this is ${process.arch}`;
  if (why !== undefined) say.work(`skipped: ${why}`);
  else {
    const folder = await mkdtemp(join(tmpdir(), "mpo-systemd-"));
    const system = join(folder, "system");
    const packages = resolve(values.packages);
    try {
      await mkdir(system);
      await runTool(context, "tar", ["--extract", `--file=${await ensureBootable(context)}`, `--directory=${system}`]);
      await copyFile("/etc/resolv.conf", join(system, "etc/resolv.conf"));
      await installPackages(context, system, packages, MACHINES.amd64, OURS);
      const failed = values.machine
        ? report(context, "machine", await bootMachine(context, system, folder))
        : report(context, "container", await bootContainer(context, system, packages));
      if (failed > 0) throw new SetupFailure(`${failed} checks failed.`, "see above; --keep leaves the system.");
    } finally {
      if (!values.keep) await rm(folder, { recursive: true, force: true });
      else say.work(`kept: ${folder}`);
    }
  }
});

/**
 * Empty Debian 12 systems to install into: made by mmdebstrap, unpacked into a folder, entered with namespaces of their own
 * (mounts and processes are gone when the command ends). One for arm64 runs on x86_64 through qemu-user and binfmt_misc.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireTools, runTool } from "../release/tools.mjs";
import { ensureArtefact, exists } from "../setup/cache.mjs";
import { runChild } from "../setup/child.mjs";
import { INSIDE_IMAGE, volumesOf } from "./image-root.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("../release/facts.mjs").Machine} Machine */

const BINFMT = "/proc/sys/fs/binfmt_misc";
/** What Debian's qemu-user-static registers; with `fix_binary`, so that the emulator need not lie in the system. */
const EMULATOR = "qemu-aarch64";
// A board's processor (Raspberry Pi 4) for qemu-user, whose own choice has vectors (SVE) that no board has: TensorFlow would
// take other kernels there. Without the emulator it is only a word in the environment.
const INSIDE = `root=$1; shift
export QEMU_CPU="\${QEMU_CPU:-cortex-a72}"
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t devpts devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/run"
exec chroot "$root" "$@"`;

/**
 * @param {SetupContext} context
 * @param {Machine} machine
 * @returns {Promise<string | undefined>} why its programs cannot run here; undefined when they can
 */
export async function whyNotHere(context, machine) {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it makes and enters whole systems, for which it must be root";
  const unshared = await runChild("unshare", ["--mount", "--pid", "--fork", "true"], { env: context.env }).catch(
    () => undefined,
  );
  if (unshared?.code !== 0) return "this system does not allow namespaces (unshare --mount --pid)";
  if (process.arch === machine.node) return undefined;
  if (process.arch !== "x64") return `it emulates ${machine.debian} on x86_64 only, and this is ${process.arch}`;
  if (!(await exists(join(BINFMT, "register")))) {
    const mounted = await runChild("mount", ["-t", "binfmt_misc", "binfmt_misc", BINFMT], { env: context.env });
    if (mounted.code !== 0) return `this kernel or container has no binfmt_misc: ${mounted.stderr.trim()}`;
  }
  if (await exists(join(BINFMT, EMULATOR))) return undefined;
  await requireTools(context, { "qemu-aarch64-static": "qemu-user-static", "update-binfmts": "binfmt-support" });
  const enabled = await runChild("update-binfmts", ["--enable", EMULATOR], { env: context.env });
  return (await exists(join(BINFMT, EMULATOR))) ? undefined : `qemu cannot be registered: ${enabled.stderr.trim()}`;
}

/**
 * @param {SetupContext} context
 * @param {Machine} machine
 * @returns {Promise<string>} the archive of an empty Debian 12
 */
async function ensureDebian(context, machine) {
  await requireTools(context, { mmdebstrap: "mmdebstrap" });
  const { folder } = await ensureArtefact(context, {
    name: `release/debian-12-${machine.debian}`,
    label: `Debian 12 for ${machine.debian}`,
    roomBytes: 1500e6,
    build: async (staging) => {
      context.say.work(`getting Debian 12 for ${machine.debian} (40 s; emulated: some minutes)`);
      const target = join(staging, "system.tar");
      await runTool(
        context,
        "mmdebstrap",
        ["--variant=minbase", `--architectures=${machine.debian}`, "bookworm", target],
        {
          env: { TMPDIR: staging },
        },
      );
      return {};
    },
  });
  return join(folder, "system.tar");
}

/**
 * @param {SetupContext} context
 * @param {Machine} machine
 * @param {string} root a folder that is made
 */
export async function unpackDebian(context, machine, root) {
  const archive = await ensureDebian(context, machine);
  await mkdir(root, { recursive: true });
  await runTool(context, "tar", ["--extract", `--file=${archive}`, `--directory=${root}`]);
  await copyFile("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  await writeFile(join(root, "etc/hostname"), `${await readFile("/etc/hostname", "utf8").catch(() => "board\n")}`);
}

/**
 * @param {string} root
 * @param {readonly string[]} command
 * @returns {string[]} the same command in the system below that folder, as its root
 */
export function inSystem(root, command) {
  const inside = existsSync(volumesOf(root)) ? INSIDE_IMAGE : INSIDE;
  return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", inside, "sh", root, ...command];
}

/** What a login would set, without what this process was given. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
};

/**
 * Runs a command in a system to its end.
 * @param {SetupContext} context
 * @param {string} root
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string>} its standard output
 */
export async function runInSystem(context, root, command, env = {}) {
  const [program = "", ...args] = inSystem(root, command);
  const own = { ...context, env: { ...ENVIRONMENT, ...proxies(context.env) } };
  return await runTool(own, program, args, { env });
}

/** @param {NodeJS.ProcessEnv} env */
function proxies(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^(?:https?|no)_proxy$/iu.test(name)));
}

/**
 * Starts a command that goes on running.
 * @param {readonly string[]} command
 * @param {{ env?: NodeJS.ProcessEnv, onLine: (line: string) => void }} options `onLine` gets what it prints, errors too
 * @returns {{ stop: () => Promise<void>, hasEnded: () => boolean }}
 */
export function startProcess([program = "", ...args], { env = {}, onLine }) {
  const child = spawn(program, args, { env: { ...ENVIRONMENT, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let hasEnded = false;
  const ended = new Promise((resolve) => child.once("close", resolve)).then(() => {
    hasEnded = true;
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
  }
  child.once("error", (error) => onLine(error.message));
  return {
    hasEnded: () => hasEnded,
    stop: async () => {
      // `unshare` ignores the signal: what it runs gets it.
      for (const pid of await childrenOf(child.pid)) process.kill(pid, "SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}

/** The agent waits for its jobs for 20 seconds. */
const STOP_MS = 40_000;

/**
 * @param {number | undefined} pid
 * @returns {Promise<number[]>}
 */
async function childrenOf(pid) {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text
    .split(" ")
    .filter((one) => one !== "")
    .map(Number);
}

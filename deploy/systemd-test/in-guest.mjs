/**
 * Runs as root in a system that systemd has booted, with the Debian packages installed: looks whether the units do what
 * they promise, prints one JSON line for each check on standard output, and powers the machine off.
 *
 * usage: node in-guest.mjs container|machine
 *
 * A container has the kernel of its host, and the host has its controllers of memory and processors: what they do is looked
 * at in a machine of its own, which is emulated, so that nothing else is looked at there.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [, , scene] = process.argv;
const UNITS = ["mpo-agent", "mpo-coordinator"];
const isMachine = scene === "machine";
/** Emulated, a start of Node takes half a minute. */
const TIMEOUT_MS = isMachine ? 1_200_000 : 120_000;
/** Of systemd-analyze's scale from 0 to 10. */
const MOST_EXPOSURE = 3;
const PACKAGES = "/opt/systemd-test/packages";
const HOG = "/opt/systemd-test/hog.mjs";

/** @param {readonly string[]} command */
function run([program = "", ...args]) {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/**
 * @param {string} unit
 * @param {string} property
 */
function shown(unit, property) {
  return run(["systemctl", "show", unit, "--property", property, "--value"]).trim();
}

/** @param {string} unit */
function logOf(unit) {
  return run(["journalctl", "--unit", unit, "--output", "cat", "--no-pager"]);
}

/**
 * @param {() => boolean} what
 * @param {() => string} seen
 */
async function until(what, seen) {
  for (const endMs = Date.now() + TIMEOUT_MS; !what(); await sleep(200)) {
    if (Date.now() > endMs) throw new Error(`not within ${TIMEOUT_MS / 1000} s; seen: ${seen()}`);
  }
}

/**
 * @param {string} name
 * @param {() => unknown} check returns what is worth printing
 */
async function check(name, check) {
  const began = Date.now();
  let line;
  try {
    line = { check: name, isOk: true, ms: 0, found: await check() };
  } catch (thrown) {
    const { message, stderr = "" } = /** @type {Error & { stderr?: string }} */ (thrown);
    line = { check: name, isOk: false, ms: 0, found: `${message}\n${stderr}` };
  }
  line.ms = Date.now() - began;
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** @param {string} unit */
const statusOf = (unit) => `${shown(unit, "ActiveState")}/${shown(unit, "SubState")} "${shown(unit, "StatusText")}"`;

/** @param {RegExp} says */
async function agentSays(says) {
  await until(
    () => says.test(logOf("mpo-agent")),
    () => logOf("mpo-agent").slice(-2000),
  );
}

/**
 * @param {string} unit
 * @param {string} more
 */
function dropIn(unit, more) {
  mkdirSync(`/etc/systemd/system/${unit}.service.d`, { recursive: true });
  writeFileSync(`/etc/systemd/system/${unit}.service.d/test.conf`, `[Service]\n${more}\n`);
  run(["systemctl", "daemon-reload"]);
}

/** @param {string} unit */
async function isBack(unit, /** @type {string} */ before) {
  await until(
    () => shown(unit, "ActiveState") === "active" && !["", "0", before].includes(shown(unit, "MainPID")),
    () => statusOf(unit),
  );
}

if (isMachine) {
  await check("the agent's slice gives way to every other", () => {
    const idle = readFileSync("/sys/fs/cgroup/mpo.slice/cpu.idle", "utf8").trim();
    if (idle !== "1") throw new Error(`cpu.idle is ${idle}`);
    return "cpu.idle is 1";
  });

  await check("a job that takes more than its limit is killed, and nothing else", async () => {
    const unit = [
      "--wait",
      "--pipe",
      "--quiet",
      "--property=User=mpo",
      "--property=Delegate=yes",
      "--property=OOMPolicy=continue",
    ];
    const said = run(["systemd-run", ...unit, process.execPath, HOG]);
    const { wasKilled, heldMiB } = JSON.parse(said);
    if (!wasKilled || heldMiB > 128) throw new Error(said);
    return `killed with ${heldMiB} MiB of a limit of 128 MiB`;
  });
}

await check("both units run, and have said so to systemd", async () => {
  for (const unit of UNITS)
    await until(
      () => shown(unit, "ActiveState") === "active",
      () => `${unit} ${statusOf(unit)}`,
    );
  return UNITS.map(statusOf).join("; ");
});

await check("root makes a line, and the device joins by it", async () => {
  writeFileSync("/root/join.txt", run(["mpo", "token", "create", "--accept"]), { mode: 0o600 });
  // On the coordinator's own machine an agent of the same user gets in by itself.
  const said = run(["mpo", "agent", "join", "@/root/join.txt", "--again"]);
  await until(
    () => /in touch with its coordinator/u.test(shown("mpo-agent", "StatusText")),
    () => statusOf("mpo-agent"),
  );
  return said.trim();
});

if (isMachine) {
  await check("jobs get control groups", async () => {
    await agentSays(/each job has a control group of its own/u);
    return readdirSync("/sys/fs/cgroup/mpo.slice/mpo-agent.service")
      .filter((name) => !name.includes("."))
      .join(" ");
  });

  await check("a probe of a served model runs in its group, within its limit", async () => {
    mkdirSync("/srv/mpo/shapes", { recursive: true });
    cpSync("/opt/systemd-test/model", "/srv/mpo/shapes/model", { recursive: true });
    run(["chown", "-R", "mpo:mpo", "/srv/mpo/shapes"]);
    const folder = "/sys/fs/cgroup/mpo.slice/mpo-agent.service";
    let seen = "";
    await until(
      () => {
        const job = readdirSync(folder).find((name) => name.startsWith("job-"));
        if (job !== undefined && existsSync(`${folder}/${job}/memory.max`)) {
          const read = (/** @type {string} */ name) => readFileSync(`${folder}/${job}/${name}`, "utf8").trim();
          try {
            const pids = read("cgroup.procs").split("\n").length;
            if (pids > 1)
              seen = `${pids} processes, memory.max ${read("memory.max")}, swap.max ${read("memory.swap.max")}, oom.group ${read("memory.oom.group")}, cpu.idle ${read("cpu.idle")}`;
          } catch {
            // It has just ended.
          }
        }
        return seen !== "" && job === undefined;
      },
      () => logOf("mpo-agent").slice(-1500),
    );
    return seen;
  });
} else {
  await check("an agent whose process is killed comes back as the member that it was", async () => {
    const before = shown("mpo-agent", "MainPID");
    process.kill(Number(before), "SIGKILL");
    await isBack("mpo-agent", before);
    await until(
      () => /in touch/u.test(shown("mpo-agent", "StatusText")),
      () => statusOf("mpo-agent"),
    );
    return `restarts: ${shown("mpo-agent", "NRestarts")}`;
  });

  await check("reload puts other settings in force, and says what needs a restart", async () => {
    appendFileSync("/etc/mpo/agent.toml", '\nreserve = "200MiB"\nclass = "test"\n');
    run(["systemctl", "reload", "mpo-agent"]);
    await agentSays(/the config file was read again .*changed=\["reserve"\]/u);
    await agentSays(/these settings count from the next start on: restart it keys=\["class"\]/u);
    appendFileSync("/etc/mpo/agent.toml", "resrve = 3\n");
    run(["systemctl", "reload", "mpo-agent"]);
    await agentSays(/the settings stay as they were: .*resrve is not known; did you mean reserve\?/u);
    const text = readFileSync("/etc/mpo/agent.toml", "utf8");
    writeFileSync("/etc/mpo/agent.toml", text.replace("resrve = 3\n", ""));
    return statusOf("mpo-agent");
  });

  await check("a wrong config file ends it for good, with the place of the mistake in the journal", async () => {
    const text = readFileSync("/etc/mpo/agent.toml", "utf8");
    writeFileSync("/etc/mpo/agent.toml", `${text}tickk = 3\n`);
    spawnSync("systemctl", ["restart", "mpo-agent"]);
    await until(
      () => shown("mpo-agent", "ActiveState") === "failed",
      () => statusOf("mpo-agent"),
    );
    const code = shown("mpo-agent", "ExecMainStatus");
    if (code !== "2") throw new Error(`exit code ${code}`);
    const errors = run(["journalctl", "--unit", "mpo-agent", "--priority", "err", "--output", "cat", "--no-pager"]);
    if (!/tickk is not known; did you mean tick\?/u.test(errors)) throw new Error(errors);
    writeFileSync("/etc/mpo/agent.toml", text);
    run(["systemctl", "restart", "mpo-agent"]);
    return errors.trim().split("\n").slice(0, 2).join(" | ");
  });

  await check("the journal knows the priority of each line", () => {
    const lines = run(["journalctl", "--unit", "mpo-agent", "--output", "json", "--no-pager"]).trim().split("\n");
    /** @type {Record<string, number>} */
    const counts = {};
    for (const line of lines) {
      const { PRIORITY, MESSAGE, _TRANSPORT, SYSLOG_IDENTIFIER } = JSON.parse(line);
      if (_TRANSPORT !== "stdout" || SYSLOG_IDENTIFIER !== "mpo") continue;
      const level = /^(INFO|WARN|ERROR)/u.exec(MESSAGE)?.[1];
      const expected = { INFO: "6", WARN: "4", ERROR: "3" }[level ?? ""];
      if (expected !== undefined && expected !== PRIORITY) throw new Error(line);
      counts[PRIORITY] = (counts[PRIORITY] ?? 0) + 1;
    }
    if ((counts["4"] ?? 0) === 0 || (counts["3"] ?? 0) === 0) throw new Error(JSON.stringify(counts));
    return counts;
  });

  await check("a stopped process is restarted by the watchdog", async () => {
    const found = [];
    for (const unit of UNITS) {
      dropIn(unit, "WatchdogSec=4s\nRestartSec=100ms");
      run(["systemctl", "restart", unit]);
      // It pings: without that, it would be gone after four seconds.
      const first = shown(unit, "MainPID");
      await sleep(9_000);
      if (shown(unit, "MainPID") !== first) throw new Error(`${unit} does not ping: ${logOf(unit).slice(-500)}`);
      process.kill(Number(first), "SIGSTOP");
      await isBack(unit, first);
      if (!/watchdog timeout/iu.test(run(["journalctl", "--unit", unit, "--no-pager"])))
        throw new Error("it was something else");
      found.push(`${unit}: restarts ${shown(unit, "NRestarts")}`);
      dropIn(unit, "");
    }
    return found.join("; ");
  });

  await check("packages installed over it restart both, and the device is the member that it was", async () => {
    const before = UNITS.map((unit) => shown(unit, "MainPID"));
    const files = readdirSync(PACKAGES).map((name) => `${PACKAGES}/${name}`);
    run(["dpkg", "--install", ...files]);
    for (const [i, unit] of UNITS.entries()) await isBack(unit, before[i] ?? "");
    await until(
      () => /in touch/u.test(shown("mpo-agent", "StatusText")),
      () => statusOf("mpo-agent"),
    );
    return UNITS.map(statusOf).join("; ");
  });

  await check(`exposure is at most ${MOST_EXPOSURE} (systemd-analyze security)`, () => {
    const found = UNITS.map((unit) => {
      const [, exposure = ""] =
        /level for .*: ([\d.]+)/u.exec(run(["systemd-analyze", "security", `${unit}.service`, "--no-pager"])) ?? [];
      if (!(Number(exposure) <= MOST_EXPOSURE)) throw new Error(`${unit}: ${exposure}`);
      return `${unit} ${exposure}`;
    });
    return found.join(", ");
  });
}

await check("both end in time when they are told, and count as ended well", () => {
  run(["systemctl", "stop", ...UNITS]);
  const results = UNITS.map((unit) => `${unit} ${shown(unit, "Result")}`);
  if (!results.every((one) => one.endsWith(" success"))) throw new Error(results.join("; "));
  return results.join("; ");
});

spawn("systemctl", ["poweroff"], { stdio: "ignore" });

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { AGENT_VERSION, type AgentEngine, connectFleet, DEFAULT_AGENT_SETTINGS, runAgentDaemon } from "@mpo/agent";
import { type CoordinatorAddresses, runCoordinator } from "@mpo/coordinator";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { systemClock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import { createAdminClient } from "@mpo/transport";
import { binary, skip } from "@mpo/transport/testing";

const identity = { tenant: "acme", device: "orin" };
const FREQUENCY = "sys/devices/system/cpu/cpufreq/policy0";
const ORIN: Readonly<Record<string, string>> = {
  "proc/meminfo": "MemTotal: 7802880 kB\nMemFree: 1024 kB\nMemAvailable: 5120000 kB\nSwapTotal: 2048 kB\n",
  "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
  "proc/cpuinfo": [0, 1, 2, 3, 4, 5].map((cpu) => `processor\t: ${cpu}\nCPU part\t: 0xd42\n\n`).join(""),
  "proc/loadavg": "0.10 0.10 0.10 1/200 4242\n",
  "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=7W >\n< PM_CONFIG DEFAULT=0 >\n",
  [`${FREQUENCY}/cpuinfo_max_freq`]: "1510400\n",
  [`${FREQUENCY}/scaling_max_freq`]: "1510400\n",
};

it("a board whose power mode is changed while its agent runs is measured again, as another class", {
  skip,
  timeout: 120_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-power-"));
  const systemRoot = join(folder, "system");
  const set = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(systemRoot, path)), { recursive: true });
      await writeFile(join(systemRoot, path), text);
    }
  };
  await set(ORIN);
  await mkdir(join(folder, "serving/cam/model"), { recursive: true });
  await writeFile(join(folder, "serving/cam/model/model.json"), "{}");

  const ends = new AbortController();
  const emitter = new EventEmitter();
  let running: Promise<unknown> = Promise.resolve();
  const { grpc } = await new Promise<CoordinatorAddresses>((resolve, reject) => {
    running = runCoordinator(
      { insecure: true, grpc: { port: 0 }, http: { port: 0 } },
      {
        nats: { kind: "embedded", folder: join(folder, "coordinator"), binary: binary().path, searchPath: [] },
        process: { on: emitter.on.bind(emitter), off: emitter.off.bind(emitter), exit: () => undefined },
        ...{ logger: silentLogger, signal: ends.signal, onReady: resolve, onFailure: reject },
      },
    );
  });
  // Half as fast where the class says 7 W.
  const measured: string[] = [];
  const engine: AgentEngine = {
    probe: ({ model, device }) => {
      measured.push(device.class);
      const chain = tinyChain();
      const profile = tinyProfile(device.id, { speed: device.class.includes("-7w-") ? 0.5 : 1, chain });
      return Promise.resolve({ profile: { ...profile, device, model: { ...profile.model, name: model } }, chain });
    },
    retrain: () => Promise.reject(new Error("nothing is retrained here")),
  };
  const common = { clock: systemClock, random: Math.random, logger: silentLogger };
  const agent = runAgentDaemon({
    settings: {
      ...{ ...DEFAULT_AGENT_SETTINGS, identity, agentVersion: AGENT_VERSION, engineVersion: "none" },
      methods: ["crossEntropy"],
      ...{ tickMs: 50, probePatienceMs: 0, modeLookMs: 200 },
    },
    ...{ dataFolder: join(folder, "agent"), servingRoot: join(folder, "serving"), systemRoot },
    ...{ engine, environment: {}, signal: ends.signal, ...common },
    connect: (proven, member) => connectFleet({ identity: proven, coordinators: [grpc], member, ...common }),
  });
  const admin = createAdminClient({ targets: [grpc] });
  context.after(async () => {
    admin.close();
    ends.abort();
    await Promise.all([agent, running]);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const runsAs = async (deviceClass: string): Promise<number> => {
    for (;;) {
      const found = await admin.getConfig({ identity }).catch(() => undefined);
      if (found?.document.deviceClass === deviceClass && found.status?.state === "applied")
        return found.document.rungs[0]?.stepMs.expected ?? 0;
      await systemClock.sleep(100);
    }
  };
  const fast = await runsAs("nvidia-jetson-orin-nano-developer-kit-8g-15w-1500mhz");
  // As `nvpmodel -m 1` does.
  await set({ "var/lib/nvpmodel/status": "pmode:0001\n", [`${FREQUENCY}/scaling_max_freq`]: "960000\n" });
  const slow = await runsAs("nvidia-jetson-orin-nano-developer-kit-8g-7w-1000mhz");
  assert.ok(slow > 1.5 * fast, `${slow} ms by its profile of 7 W, ${fast} ms by that of 15 W`);
  assert.deepEqual(measured, [
    "nvidia-jetson-orin-nano-developer-kit-8g-15w-1500mhz",
    "nvidia-jetson-orin-nano-developer-kit-8g-7w-1000mhz",
  ]);
});

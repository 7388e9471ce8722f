import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { DeviceMonitor } from "../ports/device-monitor.ts";
import { readCgroupMemory } from "./cgroup-memory.ts";
import { readHeat } from "./heat.ts";
import { deviceClassOf, readInventory } from "./inventory.ts";
import { machineMarks } from "./machine-marks.ts";
import { readMemoryInfo } from "./memory-info.ts";
import { readLoadAverage, readPressure } from "./pressure.ts";
import { SystemFiles } from "./system-files.ts";
import { systemMonitor } from "./system-monitor.ts";

type Tree = Readonly<Record<string, string>>;
const MIB = 2 ** 20;
const VERSIONS = { architecture: "arm64", agentVersion: "0.1.0", nodeVersion: "v20" };

/** Runs `check` on a root folder with these files. */
async function withTree<T>(tree: Tree, check: (files: SystemFiles, root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), "mpo-agent-tree-"));
  try {
    for (const [path, text] of Object.entries(tree)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return await check(new SystemFiles(root), root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const meminfo = (totalMib: number, availableMib: number): string =>
  `MemTotal:       ${totalMib * 1024} kB\nMemFree:        1024 kB\nMemAvailable:   ${availableMib * 1024} kB\nSwapTotal:      2048 kB\n`;

const NANO: Tree = {
  "proc/meminfo": meminfo(3956, 2000),
  "proc/device-tree/model": "NVIDIA Jetson Nano Developer Kit\0",
  "proc/cpuinfo": [0, 1, 2, 3].map((cpu) => `processor\t: ${cpu}\nCPU part\t: 0xd07\n\n`).join(""),
  "proc/sys/kernel/osrelease": "4.9.337-tegra\n",
  "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\n',
  "etc/nv_tegra_release": "# R32 (release), REVISION: 7.4\n",
  "sys/class/thermal/thermal_zone0/type": "CPU-therm\n",
  "sys/class/thermal/thermal_zone0/temp": "48500\n",
  "sys/class/thermal/thermal_zone1/type": "PMIC-Die\n",
  "sys/class/thermal/thermal_zone1/temp": "100000\n",
  "sys/class/thermal/cooling_device0/type": "pwm-fan\n",
  "sys/class/thermal/cooling_device0/cur_state": "2\n",
  "proc/loadavg": "1.25 0.80 0.50 1/200 4242\n",
};

const PI: Tree = {
  "proc/meminfo": meminfo(3794, 3000),
  "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
  "proc/cpuinfo":
    "processor\t: 0\nmodel name\t: ARMv7 Processor rev 3 (v7l)\nprocessor\t: 1\n\nModel\t\t: Raspberry Pi 4\n",
  "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
  "sys/class/thermal/thermal_zone0/temp": "61300\n",
  "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
  "proc/self/cgroup": "0::/user.slice/user-1000.slice\n",
  "proc/pressure/memory":
    "some avg10=3.20 avg60=1.00 avg300=0.20 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  "proc/pressure/cpu": "some avg10=44.00 avg60=1.00 avg300=0.20 total=123\n",
};

describe("marks of a machine", () => {
  const machineId = "8f0c1d2e3b4a59687f6e5d4c3b2a1908";
  const bootId = "2f1c7a52-6f0e-4c58-9f0d-3f7b7f6a9f11";
  const cases: readonly (readonly [string, Tree, object])[] = [
    ["are its id and its boot's", { id: `${machineId}\n`, boot: `${bootId}\n` }, { machineId, bootId }],
    ["are left out where there are none", {}, { machineId: undefined, bootId: undefined }],
    ["are left out where they are not set yet", { id: "uninitialized\n" }, { machineId: undefined, bootId: undefined }],
    [
      "are left out where they do not fit the wire",
      { id: "a b", boot: "x".repeat(65) },
      { machineId: undefined, bootId: undefined },
    ],
  ];
  for (const [what, { id, boot }, expected] of cases) {
    it(what, async () => {
      const tree = {
        ...(id === undefined ? {} : { "etc/machine-id": id }),
        ...(boot === undefined ? {} : { "proc/sys/kernel/random/boot_id": boot }),
      };
      assert.deepEqual(await withTree(tree, machineMarks), expected);
    });
  }
});

describe("inventory", () => {
  it("knows a Jetson Nano by its device tree", async () => {
    const inventory = await withTree(NANO, (files) => readInventory(files, VERSIONS));
    assert.deepEqual(inventory, {
      deviceClass: "nvidia-jetson-nano-developer-kit-4g",
      board: "NVIDIA Jetson Nano Developer Kit",
      cpuModel: "Cortex-A57",
      cpuCores: 4,
      memoryBytes: 3956 * MIB,
      swapBytes: 2 * MIB,
      gpus: [{ name: "NVIDIA Tegra", memoryBytes: 0, sharesMemory: true }],
      os: "Ubuntu 18.04.6 LTS",
      kernel: "4.9.337-tegra",
      ...VERSIONS,
    });
  });

  it("knows a Raspberry Pi, and leaves the revision out of its class", async () => {
    const inventory = await withTree(PI, (files) => readInventory(files, VERSIONS));
    assert.equal(inventory.deviceClass, "raspberry-pi-4-model-b-4g");
    assert.equal(inventory.cpuModel, "ARMv7 Processor rev 3 (v7l)");
    assert.equal(inventory.cpuCores, 2);
    assert.deepEqual(inventory.gpus, []);
  });

  for (const [facts, expected] of [
    [{ board: "KVM", architecture: "x64", cpuCores: 2, totalBytes: 24105 * MIB }, "x64-2c-24g"],
    [{ board: "", architecture: "arm64", cpuCores: 1, totalBytes: 430 * MIB }, "arm64-1c-512m"],
    [
      { board: "Raspberry Pi Zero 2 W Rev 1.0", architecture: "arm64", cpuCores: 4, totalBytes: 900 * MIB },
      "raspberry-pi-zero-2-w-1g",
    ],
  ] as const) {
    it(`makes the class ${expected}`, () => assert.equal(deviceClassOf(facts), expected));
  }

  const clock = (policy: number, files: Readonly<Record<string, string | number>>): Tree =>
    Object.fromEntries(
      Object.entries(files).map(([name, value]) => [
        `sys/devices/system/cpu/cpufreq/policy${policy}/${name}`,
        `${value}\n`,
      ]),
    );
  const ORIN: Tree = {
    ...NANO,
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/meminfo": meminfo(7620, 5000),
    "etc/nvpmodel.conf": `# comment
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=1 NAME=7W >
< POWER_MODEL ID=2 NAME=MODE_30W_ALL >
< PM_CONFIG DEFAULT=0 >
`,
    ...clock(0, { cpuinfo_max_freq: 1510400, scaling_max_freq: 1510400, scaling_governor: "schedutil" }),
  };
  const PI_CLOCK = { cpuinfo_max_freq: 1800000, scaling_max_freq: 1800000, scaling_min_freq: 600000 };
  const { "sys/devices/platform/soc/soc:firmware/get_throttled": _, ...COOL } = PI;
  const PC: Tree = { ...COOL, "proc/device-tree/model": "KVM\0" };
  for (const [what, tree, expected] of [
    ["a Jetson by the mode that it boots in", ORIN, "nvidia-jetson-orin-nano-developer-kit-8g-15w-1500mhz"],
    [
      "a Jetson by the mode that it was set to",
      {
        ...ORIN,
        "var/lib/nvpmodel/status": "pmode:0001 fmode:quiet\n",
        ...clock(0, { cpuinfo_max_freq: 1510400, scaling_max_freq: 960000, scaling_governor: "schedutil" }),
      },
      "nvidia-jetson-orin-nano-developer-kit-8g-7w-1000mhz",
    ],
    [
      "a Jetson's mode by its name without what all have in common",
      { ...ORIN, "var/lib/nvpmodel/status": "pmode:0002\n" },
      "nvidia-jetson-orin-nano-developer-kit-8g-30w-all-1500mhz",
    ],
    [
      "a Pi by its clock",
      { ...COOL, ...clock(0, { ...PI_CLOCK, scaling_governor: "ondemand" }) },
      "raspberry-pi-4-model-b-4g-1800mhz",
    ],
    [
      "a Pi by the clock that its owner gave it",
      { ...COOL, ...clock(0, { ...PI_CLOCK, cpuinfo_max_freq: 2147000, scaling_max_freq: 2147000 }) },
      "raspberry-pi-4-model-b-4g-2100mhz",
    ],
    [
      "a Pi that was set to its lowest clock",
      { ...COOL, ...clock(0, { ...PI_CLOCK, scaling_governor: "powersave" }) },
      "raspberry-pi-4-model-b-4g-600mhz",
    ],
    [
      "a Pi with a clock of somebody's own",
      { ...COOL, ...clock(0, { ...PI_CLOCK, scaling_governor: "userspace", scaling_setspeed: 1200000 }) },
      "raspberry-pi-4-model-b-4g-1200mhz",
    ],
    [
      "a Pi that is slowed down by heat as what it can do",
      {
        ...COOL,
        ...clock(0, { ...PI_CLOCK, scaling_max_freq: 1000000, scaling_governor: "ondemand" }),
        "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0\n",
        "sys/class/thermal/cooling_device0/cur_state": "3\n",
      },
      "raspberry-pi-4-model-b-4g-1800mhz",
    ],
    [
      "another machine without its clock",
      { ...PC, ...clock(0, { cpuinfo_max_freq: 3900000, scaling_max_freq: 3900000, scaling_governor: "performance" }) },
      "arm64-2c-4g",
    ],
    [
      "another machine whose processor saves power by itself, without its clock",
      {
        ...PC,
        ...clock(0, {
          ...{ cpuinfo_max_freq: 3900000, scaling_max_freq: 3900000, scaling_min_freq: 800000 },
          ...{ scaling_governor: "powersave", scaling_driver: "intel_pstate" },
        }),
      },
      "arm64-2c-4g",
    ],
    [
      "another machine whose clock is limited",
      {
        ...PC,
        ...clock(0, { cpuinfo_max_freq: 3900000, scaling_max_freq: 1200000 }),
        ...clock(1, { cpuinfo_max_freq: 3900000, scaling_max_freq: 1200000 }),
      },
      "arm64-2c-4g-1200mhz",
    ],
    [
      "big and little cores by the big ones",
      {
        ...COOL,
        ...clock(0, { cpuinfo_max_freq: 1800000, scaling_max_freq: 1800000 }),
        ...clock(4, { cpuinfo_max_freq: 2400000, scaling_max_freq: 2400000 }),
      },
      "raspberry-pi-4-model-b-4g-2400mhz",
    ],
  ] as const) {
    it(`names ${what}`, async () => {
      const { deviceClass } = await withTree(tree, (files) => readInventory(files, VERSIONS));
      assert.equal(deviceClass, expected);
    });
  }

  it("keeps the end of a long class, which says what matters", () => {
    const board = `NVIDIA Jetson ${"very ".repeat(20)}long`;
    const mode = { powerMode: "MAXN_SUPER", mhz: 2200, isLimited: false };
    const made = deviceClassOf({ board, architecture: "arm64", cpuCores: 8, totalBytes: 60 * 1024 * MIB, mode });
    assert.ok(made.length <= 64 && made.endsWith("-60g-maxn-super-2200mhz"), made);
  });

  it("says what is wrong where there is no /proc", async () => {
    await assert.rejects(
      withTree({}, (files) => readInventory(files, VERSIONS)),
      (error) => error instanceof MpoError && error.code === "unsupported",
    );
  });

  it("reads discrete NVIDIA GPUs", async () => {
    const tree = {
      "proc/meminfo": meminfo(100, 50),
      "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t NVIDIA T4\nIRQ: 5\n",
    };
    const { gpus } = await withTree(tree, (files) => readInventory(files, VERSIONS));
    assert.deepEqual(gpus, [{ name: "NVIDIA T4", memoryBytes: 0, sharesMemory: false }]);
  });
});

describe("memory", () => {
  it("stands free and cached memory in for MemAvailable on old kernels", async () => {
    const tree = { "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 200 kB\n" };
    assert.equal((await withTree(tree, readMemoryInfo)).availableBytes, 300 * 1024);
  });

  const cases: readonly { readonly what: string; readonly tree: Tree; readonly expected: unknown }[] = [
    {
      what: "a v2 limit, with inactive cache counted as free",
      tree: {
        "proc/self/cgroup": "0::/app/agent\n",
        "sys/fs/cgroup/app/agent/memory.max": "1000\n",
        "sys/fs/cgroup/app/agent/memory.current": "700\n",
        "sys/fs/cgroup/app/agent/memory.stat": "anon 1\ninactive_file 200\n",
      },
      expected: { version: 2, limitBytes: 1000, availableBytes: 500 },
    },
    {
      what: "a tighter group around the own one",
      tree: {
        "proc/self/cgroup": "0::/app/agent\n",
        "sys/fs/cgroup/app/agent/memory.max": "max\n",
        "sys/fs/cgroup/app/memory.max": "400\n",
        "sys/fs/cgroup/app/memory.current": "100\n",
      },
      expected: { version: 2, limitBytes: 400, availableBytes: 300 },
    },
    {
      what: "a v1 limit",
      tree: {
        "proc/self/cgroup": "9:cpu:/\n4:memory:/docker/x\n0::/\n",
        "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "5000\n",
        "sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": "4500\n",
        "sys/fs/cgroup/memory/docker/x/memory.stat": "total_inactive_file 500\n",
      },
      expected: { version: 1, limitBytes: 5000, availableBytes: 1000 },
    },
    {
      what: "a container that sees its own group as the root",
      tree: {
        "proc/self/cgroup": "4:memory:/docker/x\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
      },
      expected: { version: 1, limitBytes: 5000, availableBytes: 4000 },
    },
    {
      what: "no limit in v1",
      tree: {
        "proc/self/cgroup": "4:memory:/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      },
      expected: undefined,
    },
    { what: "memory control switched off, as on Raspberry Pi OS", tree: PI, expected: undefined },
    { what: "no groups at all", tree: {}, expected: undefined },
  ];
  for (const { what, tree, expected } of cases) {
    it(`finds ${what}`, async () => assert.deepEqual(await withTree(tree, readCgroupMemory), expected));
  }
});

describe("pressure and heat", () => {
  it("reads what a Pi tells", async () => {
    await withTree(PI, async (files) => {
      assert.deepEqual(await readPressure(files), { memoryPressurePercent: 3.2, cpuPressurePercent: 44 });
      // 0x50005: under-voltage and throttled now, and both since the start.
      assert.deepEqual(await readHeat(files), { temperatureCelsius: 61.3, isThrottled: true });
      assert.equal(await readLoadAverage(files), 0);
    });
  });

  it("leaves out a Jetson's constant zone, and does not take its fan for throttling", async () => {
    await withTree(NANO, async (files) => {
      assert.deepEqual(await readHeat(files), { temperatureCelsius: 48.5, isThrottled: false });
      assert.deepEqual(await readPressure(files), {});
      assert.equal(await readLoadAverage(files), 1.25);
    });
  });

  it("sees throttling that is over, and throttling by the kernel", async () => {
    const past = { "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n" };
    assert.equal((await withTree(past, readHeat)).isThrottled, false);
    const kernel = {
      "sys/class/thermal/cooling_device1/type": "thermal-cpufreq-0\n",
      "sys/class/thermal/cooling_device1/cur_state": "3\n",
    };
    assert.equal((await withTree(kernel, readHeat)).isThrottled, true);
  });
});

describe("the monitor", () => {
  it("takes the tighter of machine and group", async () => {
    const tree = { ...PI, "sys/fs/cgroup/memory.max": "1000000\n", "sys/fs/cgroup/memory.current": "400000\n" };
    await withTree(tree, async (_, root) => {
      const monitor = systemMonitor({ ...VERSIONS, clock: systemClock, dataFolder: root, systemRoot: root });
      const resources = await monitor.resources();
      assert.equal(resources.memoryAvailableBytes, 600_000);
      assert.equal(resources.memoryLimitBytes, 1_000_000);
      assert.equal(resources.memoryPressurePercent, 3.2);
      assert.ok(resources.diskFreeBytes > 0);
    });
  });

  it("reads this machine", { skip: process.platform !== "linux" }, async () => {
    const monitor = systemMonitor({ ...VERSIONS, clock: systemClock, dataFolder: tmpdir() });
    const [inventory, resources] = [await monitor.inventory(), await monitor.resources()];
    assert.ok(inventory.memoryBytes > 2 ** 20 && inventory.cpuCores >= 1 && inventory.kernel !== "");
    assert.ok(resources.memoryAvailableBytes > 0 && resources.memoryAvailableBytes <= inventory.memoryBytes);
  });
});

describe("a simulated smaller machine", () => {
  const status = (pid: number, parent: number, anonymousMib: number): string =>
    `Name:\tnode\nPid:\t${pid}\nPPid:\t${parent}\nRssAnon:\t${anonymousMib * 1024} kB\nRssFile:\t99999 kB\nRssShmem:\t0 kB\n`;
  const tree: Tree = {
    ...PI,
    "proc/100/status": status(100, 1, 60),
    "proc/101/status": status(101, 100, 40),
    "proc/102/status": status(102, 101, 300),
    "proc/103/status": status(103, 1, 5000),
    "proc/self/status": status(100, 1, 60),
  };
  const limited = (systemRoot: string, memoryLimitBytes: number = 1024 * MIB): DeviceMonitor =>
    systemMonitor({
      ...{ ...VERSIONS, systemRoot, clock: systemClock, dataFolder: systemRoot },
      ...{ memoryLimitBytes, agentPid: 100 },
    });

  const withChildren: Tree = {
    ...tree,
    "proc/100/task/100/children": "",
    "proc/100/task/110/children": "101 \n",
    "proc/101/task/101/children": "102 ",
    "proc/102/task/102/children": "",
  };
  for (const [kernel, files] of Object.entries({ "tells children": withChildren, "does not": tree })) {
    it(`has its limit less what the agent and its jobs hold, where the kernel ${kernel}`, async () => {
      const resources = await withTree(files, (_, systemRoot) => limited(systemRoot).resources());
      assert.equal(resources.memoryAvailableBytes, (1024 - 400) * MIB);
      assert.equal(resources.memoryLimitBytes, 1024 * MIB);
    });
  }

  it("is of a smaller class", async () => {
    const inventory = await withTree(tree, (_, systemRoot) => limited(systemRoot).inventory());
    assert.equal(inventory.memoryBytes, 1024 * MIB);
    assert.equal(inventory.deviceClass, "raspberry-pi-4-model-b-1g");
  });

  it("never tells more than the machine has", async () => {
    const resources = await withTree(tree, (_, systemRoot) => limited(systemRoot, 64 * 1024 * MIB).resources());
    assert.equal(resources.memoryAvailableBytes, 3000 * MIB);
  });
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const TRIED = "ip link add br0 type bridge && ip link add v0 type veth peer name v1 && exec python3 -c 'import socket'";

/** Why there can be no machines here; false: there can. For `skip`. */
export const noMachines: string | false =
  spawnSync("unshare", ["-r", "-n", "sh", "-c", TRIED]).status === 0
    ? false
    : "no network namespaces with bridges, or no ip and python3";

/** Writes each frame that arrives at any port of the bridge, once, with its length before it. */
const TAP = `
import socket, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)
with open(sys.argv[1], "wb", buffering=0) as out:
    print("taps", flush=True)
    while True:
        frame, (name, _, kind, *_) = tap.recvfrom(1 << 18)
        if kind != 4 and name != "lo":
            out.write(len(frame).to_bytes(4, "big") + frame)
`;

/** What has run to its end. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `mpo` that goes on running. */
export interface Running {
  readonly child: ChildProcess;
  /** All that it said on both its outputs. */
  said(): string;
  /** Waits until it has said something. */
  until(what: RegExp): Promise<string>;
  stop(): Promise<void>;
}

/** A machine with a network and a user of its own, on one wire with others. */
export class Machine {
  readonly folder: string;
  readonly address: string;
  /** A process in its network. */
  readonly keeper: number;
  /** All that was said on it. */
  readonly outputs: Outcome[] = [];
  readonly daemons: Running[] = [];

  constructor(folder: string, address: string, keeper: number) {
    this.folder = folder;
    this.address = address;
    this.keeper = keeper;
  }

  /** Runs `mpo` to its end. */
  async mpo(...args: readonly string[]): Promise<Outcome> {
    const running = this.#spawn(args);
    const [stdout, stderr] = [running.stdout, running.stderr].map((stream) => {
      const pieces: Buffer[] = [];
      stream?.on("data", (piece: Buffer) => pieces.push(piece));
      return pieces;
    });
    const [code] = (await once(running, "close")) as [number | null];
    const outcome = { code, stdout: String(Buffer.concat(stdout ?? [])), stderr: String(Buffer.concat(stderr ?? [])) };
    this.outputs.push(outcome);
    return outcome;
  }

  /** Starts `mpo`; it is stopped after the test. */
  start(context: TestContext, ...args: readonly string[]): Running {
    const child = this.#spawn(args);
    const ended = once(child, "close");
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece) => (text += String(piece)));
    const daemon: Running = {
      child,
      said: () => text,
      until: async (what) => {
        for (;;) {
          const found = what.exec(text);
          if (found !== null) return found[0];
          if (child.exitCode !== null) throw new Error(`it ended without saying ${what.source}: ${text}`);
          await pause(50);
        }
      },
      stop: async () => {
        if (child.exitCode === null) child.kill("SIGTERM");
        await ended;
      },
    };
    context.after(() => daemon.stop());
    this.daemons.push(daemon);
    return daemon;
  }

  /** Its TCP sockets, "local port, remote port, state", as the kernel lists them. */
  async sockets(): Promise<readonly Socket[]> {
    const tables = await Promise.all(
      ["tcp", "tcp6"].map((name) => readFile(`/proc/${this.keeper}/net/${name}`, "utf8")),
    );
    return tables.flatMap((table) =>
      table
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => {
          const [, local = "", remote = "", state = ""] = line.trim().split(/\s+/u);
          const [host = "", port = ""] = local.split(":");
          return {
            isLoopback: host === "0100007F" || host === "00000000000000000000000001000000",
            port: Number.parseInt(port, 16),
            remotePort: Number.parseInt(remote.split(":")[1] ?? "", 16),
            state: state === "0A" ? "listens" : state === "01" ? "connected" : "other",
          };
        }),
    );
  }

  #spawn(args: readonly string[]): ChildProcess {
    const { PATH, MPO_CACHE, XDG_CACHE_HOME = join(homedir(), ".cache"), MPO_NATS_SERVER } = process.env;
    const env = {
      ...{ PATH, MPO_CACHE: MPO_CACHE ?? join(XDG_CACHE_HOME, "mpoptimizer") },
      ...{
        HOME: this.folder,
        XDG_STATE_HOME: join(this.folder, "state"),
        XDG_CONFIG_HOME: join(this.folder, "config"),
      },
      ...(MPO_NATS_SERVER === undefined ? {} : { MPO_NATS_SERVER }),
    };
    return spawn("nsenter", [...into(this.keeper), process.execPath, MAIN, ...args], { env, cwd: this.folder });
  }
}

interface Socket {
  readonly isLoopback: boolean;
  readonly port: number;
  readonly remotePort: number;
  readonly state: "listens" | "connected" | "other";
}

/** Machines on one wire, and all that crosses it. They end with the test. */
export interface Network {
  readonly machines: readonly Machine[];
  /** All frames that have crossed so far. */
  frames(): readonly Buffer[];
}

export async function connectMachines(context: TestContext, folder: string, count: number): Promise<Network> {
  const wire = await namespace(context, ["unshare", "-r", "-n"]);
  run(wire, "ip link set lo up && ip link add br0 type bridge && ip link set br0 up");
  const machines: Machine[] = [];
  for (let number = 1; number <= count; number++) {
    const keeper = await namespace(context, ["nsenter", ...into(wire), "unshare", "-n"]);
    const home = join(folder, `machine-${number}`);
    mkdirSync(home, { mode: 0o700 });
    const address = `10.77.0.${number}`;
    run(
      wire,
      `ip link add p${number} type veth peer name eth0 netns ${keeper} && ip link set p${number} master br0 up`,
    );
    run(keeper, `ip link set lo up && ip addr add ${address}/24 dev eth0 && ip link set eth0 up`);
    machines.push(new Machine(home, address, keeper));
  }
  const file = join(folder, "wire.frames");
  const tap = spawn("nsenter", [...into(wire), "python3", "-c", TAP, file], { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => tap.kill("SIGKILL"));
  await firstLine(tap);
  return { machines, frames: () => framesIn(readFileSync(file)) };
}

function framesIn(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

/** A namespace that is there until the test ends: the process that keeps it. */
async function namespace(context: TestContext, command: readonly string[]): Promise<number> {
  const [program = "", ...words] = [...command, "sh", "-c", "echo $$; exec sleep 3600"];
  const keeper = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => keeper.kill("SIGKILL"));
  return Number(await firstLine(keeper));
}

async function firstLine(child: ChildProcess): Promise<string> {
  const failed = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended at once, with ${code}`)));
  const [line] = (await Promise.race([once(child.stdout ?? child, "data"), failed])) as [Buffer];
  return String(line);
}

function into(keeper: number): readonly string[] {
  return ["-t", String(keeper), "-U", "--preserve-credentials", "-n"];
}

function run(keeper: number, script: string): void {
  const { status, stderr } = spawnSync("nsenter", [...into(keeper), "sh", "-ec", script]);
  if (status !== 0) throw new Error(`${script}: ${String(stderr)}`);
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

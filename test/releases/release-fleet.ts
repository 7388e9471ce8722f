import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const AGENT = fileURLToPath(new URL("./joined-agent.mjs", import.meta.url));

/** What an agent says of itself. */
export interface Said {
  readonly version: number;
  readonly isOnline: boolean;
  readonly probes: number;
}

export interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** One machine with the programs of several releases, by the roots of their trees. */
export class ReleaseFleet {
  readonly #t: TestContext;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  #target = "127.0.0.1:0";

  constructor(t: TestContext, folder: string) {
    this.#t = t;
    this.#folder = folder;
    this.#environment = {
      ...process.env,
      ...{ XDG_STATE_HOME: join(folder, "state"), XDG_CONFIG_HOME: join(folder, "config") },
    };
  }

  /** Starts a release's coordinator on the fleet's data, where the one before it listened. */
  async coordinator(root: string): Promise<Running> {
    const data = join(this.#folder, "coordinator");
    const options = ["--data", data, "--listen", this.#target, "--http", "127.0.0.1:0", "--heartbeat", "1s", "--json"];
    const running = this.#start(root, [main(root), "coordinator", ...options]);
    const ready = await running.until(({ event }) => event === "ready");
    this.#target = String(ready["grpc"]);
    return running;
  }

  /** Starts a release's agent on the device's data. */
  agent(root: string): Running {
    const port = this.#target.split(":").at(-1);
    const localFile = join(this.#folder, `state/mpoptimizer/local/${port}.json`);
    return this.#start(root, [AGENT, root, join(this.#folder, "device"), localFile, this.#target]);
  }

  /** Runs a release's command. */
  async mpo(root: string, ...args: readonly string[]): Promise<Outcome> {
    const running = this.#start(root, [main(root), ...args, "--coordinator", this.#target]);
    return { code: await running.ended, text: running.text() };
  }

  #start(root: string, args: readonly string[]): Running {
    const child = spawn(process.execPath, args, { cwd: root, env: this.#environment, stdio: "pipe" });
    this.#t.after(() => child.kill("SIGKILL"));
    return new Running(child);
  }
}

/** A process that says what it does, in JSON objects on lines. */
export class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<number>;
  #said = "";
  #text = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = once(child, "exit").then(([code]) => Number(code ?? -1));
    child.stdout?.on("data", (text) => (this.#said += String(text)));
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (this.#text += String(text)));
  }

  text(): string {
    return this.#text;
  }

  /** Its last word, as soon as that fits. */
  async until<Word = Readonly<Record<string, unknown>>>(fits: (word: Word) => boolean): Promise<Word> {
    for (const endMs = Date.now() + 60_000; ; await new Promise((wake) => setTimeout(wake, 20))) {
      const last =
        this.#said
          .slice(0, this.#said.lastIndexOf("\n") + 1)
          .trimEnd()
          .split("\n")
          .at(-1) ?? "";
      const word = last === "" ? undefined : (JSON.parse(last) as Word);
      if (word !== undefined && fits(word)) return word;
      assert.equal(this.#child.exitCode, null, this.#text);
      assert.ok(Date.now() < endMs, `${fits.toString()} within a minute:\n${this.#text.slice(-3000)}`);
    }
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill("SIGTERM");
    await this.ended;
  }
}

function main(root: string): string {
  return join(root, "packages/cli/dist/main.js");
}

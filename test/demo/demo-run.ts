import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const MARK = "MPO_TEST_RUN";

/** `mpo demo` in a process of its own, as it was built. All processes of it can be found by a mark in their environment. */
export class DemoRun {
  readonly records: Record<string, unknown>[] = [];
  stderr = "";
  readonly #child: ChildProcess;
  readonly #mark: string = `${MARK}=${randomUUID()}`;
  readonly exitCode: Promise<number | null>;
  #onText = (): void => undefined;

  constructor(args: readonly string[]) {
    const [name = "", value = ""] = this.#mark.split("=");
    this.#child = spawn(process.execPath, [MAIN, "demo", "--json", "--verbose", ...args], {
      env: { ...process.env, [name]: value },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#onText();
    });
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on("line", (line) => {
        this.records.push(JSON.parse(line) as Record<string, unknown>);
      });
    }
    this.exitCode = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        this.#onText();
        resolve(code);
      });
    });
  }

  /** Waits until it has said something. */
  async untilSays(what: RegExp): Promise<void> {
    while (!what.test(this.stderr)) {
      if (this.#child.exitCode !== null) throw new Error(`it ended without saying ${what.source}: ${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#onText = resolve;
      });
    }
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** Command lines of processes that belong to it and still run, its own too. */
  async processes(): Promise<readonly string[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
        if (!environment.split("\0").includes(this.#mark)) return [];
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        return command === "" ? [] : [command.replaceAll("\0", " ")];
      }),
    );
    return found.flat();
  }

  /** Ends everything that still runs, for a test that failed. */
  async kill(): Promise<void> {
    this.interrupt();
    await this.exitCode;
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "@mpo/transport/testing";
import { PROMETHEUS_FOLDER, programs } from "./promtool.ts";

/**
 * A rule's times for a test: what must last minutes must last three seconds, and what is counted over minutes or hours is
 * counted over half a minute. What is compared stays as it is.
 */
export function inSeconds(rules: string): string {
  return rules
    .replaceAll(/\bfor: \d+[mh]\b/gu, "for: 3s")
    .replaceAll(/\[\d+m:1m\]/gu, "[5s:1s]")
    .replaceAll(/\[\d+[mh]\]/gu, "[30s]");
}

/** A real Prometheus that asks a coordinator each second, by the rules that are shipped. */
export class RunningPrometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(folder: string, target: string): Promise<RunningPrometheus> {
    const names = (await readdir(PROMETHEUS_FOLDER)).filter((name) => name.endsWith(".rules.yaml"));
    for (const name of names) {
      await writeFile(join(folder, name), inSeconds(await readFile(join(PROMETHEUS_FOLDER, name), "utf8")));
    }
    await writeFile(
      join(folder, "prometheus.yaml"),
      JSON.stringify({
        global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
        rule_files: names,
        scrape_configs: [{ job_name: "mpo", static_configs: [{ targets: [target] }] }],
      }),
    );
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const args = ["--config.file=prometheus.yaml", "--storage.tsdb.path=tsdb", `--web.listen-address=${address}`];
    const child = spawn(programs().prometheus, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    const running = new RunningPrometheus(child, `http://${address}`);
    while (
      !(await running.#get("/-/ready").then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
      await pause();
    }
    return running;
  }

  /** The alerts that fire now, each once. */
  async firing(): Promise<readonly string[]> {
    const { data } = (await (await this.#get("/api/v1/alerts")).json()) as Answer<{
      readonly alerts: readonly Alert[];
    }>;
    const names = data.alerts.flatMap(({ state, labels }) => (state === "firing" ? labels.alertname : []));
    return [...new Set(names)].sort();
  }

  /** Waits until these fire, among others. */
  async untilFiring(...names: readonly string[]): Promise<void> {
    while (!names.every((name) => this.#seen.has(name))) {
      for (const name of await this.firing()) this.#seen.add(name);
      await pause();
    }
  }
  readonly #seen = new Set<string>();

  /** How many series a query gives. Throws with what is wrong with it. */
  async count(query: string): Promise<number> {
    const response = await this.#get(`/api/v1/query?${new URLSearchParams({ query })}`);
    const answer = (await response.json()) as Answer<{ readonly result: readonly unknown[] }>;
    if (answer.status !== "success") throw new Error(`${query}: ${answer.error}`);
    return answer.data.result.length;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }

  async #get(path: string): Promise<Response> {
    return await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(5_000) });
  }
}

interface Alert {
  readonly state: "pending" | "firing" | "inactive";
  readonly labels: { readonly alertname: string };
}

interface Answer<Data> {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data: Data;
}

export async function pause(ms: number = 200): Promise<void> {
  await new Promise((wake) => setTimeout(wake, ms));
}

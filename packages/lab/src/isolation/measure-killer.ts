import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { measureIsolation } from "./measure-isolation.ts";
import { MemoryGroup } from "./memory-group.ts";

/** What the system's memory killer did. */
export interface KillerResult {
  readonly tries: number;
  /** Processes that it took, by its own count. */
  readonly kills: number;
  /** Of the example program. */
  readonly deaths: number;
  readonly ends: Readonly<Record<string, number>>;
}

/** Room for the example program, the test and an idle worker, and some more: then the killer has to choose. */
const GROUP_BYTES = 1_800 * 2 ** 20;

/**
 * Runs the example program and jobs without a cap of use within one memory control group that is too small for both.
 * "no-group": none can be made here.
 */
export async function measureKiller(tries: number): Promise<KillerResult | "no-group"> {
  await using group = MemoryGroup.make(GROUP_BYTES);
  if (group === undefined) return "no-group";
  const own = fileURLToPath(import.meta.url);
  const [program, args] = group.command(process.execPath, [...process.execArgv, own, String(tries)]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the run in the memory control group ended with ${code ?? "a signal"}`);
  const { deaths, ends } = JSON.parse(output) as Pick<KillerResult, "deaths" | "ends">;
  return { tries, kills: group.kills, deaths, ends };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tries = Number(process.argv[2]);
  const end = new AbortController();
  process.once("disconnect", () => end.abort());
  const result = await measureIsolation({
    tries,
    kinds: ["unlimited"],
    aloneMs: 200,
    cpuShare: "equal",
    signal: end.signal,
  });
  process.stdout.write(JSON.stringify(result));
  if (process.connected) process.disconnect();
}

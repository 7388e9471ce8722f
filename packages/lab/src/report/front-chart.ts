import { type ChartSpec, COLORS, PALETTE } from "@mpo/cli";
import { MIB, type PolicyName } from "@mpo/core";
import type { ReportFacts } from "./report-facts.ts";

/** What stands on the upright axis: of what is predicted for the end of a window. */
interface Upright {
  readonly title: string;
  readonly scale: { readonly type: "log" | "linear"; readonly nice?: false; readonly zero?: false };
  readonly of: (accuracy: number, stepMs: number) => number;
}

/** Accuracy over memory: the candidates, those in the front, what each policy chose, and the limit. */
export function accuracyFrontChart(facts: ReportFacts): ChartSpec {
  const scale = { type: "linear", zero: false } as const;
  return frontChart(facts, { title: "accuracy (%)", scale, of: (accuracy) => 100 * accuracy });
}

/** Time of a step over memory, alike. */
export function timeFrontChart(facts: ReportFacts): ChartSpec {
  const scale = { type: "log", nice: false } as const;
  return frontChart(facts, { title: "time of a step (ms)", scale, of: (_, stepMs) => stepMs });
}

function frontChart({ candidates, policies, result }: ReportFacts, upright: Upright): ChartSpec {
  const points = candidates.map(({ memoryBytes, accuracy, stepMs, isFront, config }) => {
    return { memory: memoryBytes / MIB, value: upright.of(accuracy, stepMs), isFront, config };
  });
  const chosen = policies.map(({ outcome, shown }) => {
    const policy = LEGEND[outcome.policy];
    const value = upright.of(shown.accuracy.expected, shown.stepMs.expected);
    const fits = "result" in outcome ? "chosen" : "does not fit";
    return { memory: shown.memoryBytes.expected / MIB, value, policy, config: `${policy}: ${fits}` };
  });
  const titles = chosen.map(({ policy }) => policy);
  const inOrder = (all: readonly string[]): string[] => titles.map((title) => all[ORDER.indexOf(title)] as string);
  const sign = (range: string[]) => ({ field: "policy", type: "nominal", scale: { domain: titles, range } }) as const;
  const memory = {
    field: "memory",
    type: "quantitative",
    scale: { type: "log", nice: false },
    axis: { title: "memory that a step adds (MiB)", grid: false, tickCount: 5, format: "~f" },
  } as const;
  const value = {
    field: "value",
    type: "quantitative",
    scale: upright.scale,
    axis: { title: upright.title, format: "~f" },
  } as const;
  const tooltip = { field: "config", type: "nominal" } as const;
  return {
    layer: [
      {
        data: { values: points.filter(({ isFront }) => !isFront) },
        mark: { type: "circle", size: 9, color: COLORS.faint, opacity: 0.35 },
        encoding: { x: memory, y: value, description: tooltip },
      },
      {
        data: { values: points.filter(({ isFront }) => isFront) },
        mark: { type: "circle", size: 14, color: COLORS.joint, opacity: 0.55 },
        encoding: { x: memory, y: value, description: tooltip },
      },
      {
        data: { values: [{ memory: result.budget.memoryBytes / MIB }] },
        mark: { type: "rule", strokeDash: [4, 4], color: COLORS.text },
        encoding: { x: memory },
      },
      {
        data: { values: chosen },
        mark: { type: "point", size: 110, strokeWidth: 2.5, filled: false, opacity: 1 },
        encoding: {
          x: memory,
          y: value,
          description: tooltip,
          color: sign(inOrder(PALETTE)),
          shape: sign(inOrder(SHAPES)),
        },
      },
    ],
  };
}

/** Short: the renderer leaves more room for a text than it takes. */
const LEGEND: Readonly<Record<PolicyName, string>> = {
  joint: "joint",
  fullBatch: "plain",
  microBatch: "micro-batch",
  freezing: "freezing",
  checkpointing: "checkpoints",
  microBatchAndCheckpointing: "both of these",
};
/** Colours and shapes of the policies, in this order. */
const ORDER: readonly string[] = Object.values(LEGEND);
const SHAPES: readonly string[] = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"];

import type { PolicyName } from "@mpo/core";
import { MIB } from "@mpo/core";
import { type ChartSpec, COLORS, PALETTE } from "./chart.ts";
import type { PolicyChoice, ReportFacts } from "./report-facts.ts";

const CUT = "cut";
const FRONT = "in the front";

/** What stands on the upright axis. */
interface Upright {
  readonly title: string;
  readonly isLogarithmic: boolean;
  readonly of: (point: { readonly accuracy: number; readonly stepMs: number }) => number;
}

const ACCURACY: Upright = {
  title: "accuracy (%)",
  isLogarithmic: false,
  of: ({ accuracy }) => 100 * accuracy,
};
const TIME: Upright = { title: "time of a step (ms)", isLogarithmic: true, of: ({ stepMs }) => stepMs };

/** Accuracy over memory: the candidates, those in the front, what each policy chose, and the limit. */
export function accuracyFrontChart(facts: ReportFacts): ChartSpec {
  return frontChart(facts, ACCURACY);
}

/** Time of a step over memory, alike. */
export function timeFrontChart(facts: ReportFacts): ChartSpec {
  return frontChart(facts, TIME);
}

function frontChart({ candidates, policies, result }: ReportFacts, upright: Upright): ChartSpec {
  const points = candidates.map(({ memoryBytes, accuracy, stepMs, isFront, config }) => ({
    memory: memoryBytes / MIB,
    value: upright.of({ accuracy, stepMs }),
    kind: isFront ? FRONT : CUT,
    config,
  }));
  const chosen = policies.map((choice) => ({ ...policyPoint(choice, upright) }));
  const titles = chosen.map(({ policy }) => policy);
  const colors = titles.map((title) => PALETTE[ORDER.indexOf(title)] as string);
  const memory = {
    field: "memory",
    type: "quantitative",
    scale: { type: "log", nice: false },
    axis: { title: "memory that a step adds (MiB)", grid: false, tickCount: 5, format: "~f" },
  } as const;
  const value = {
    field: "value",
    type: "quantitative",
    scale: upright.isLogarithmic ? LOGARITHMIC : LINEAR,
    axis: { title: upright.title, format: "~f" },
  } as const;
  const tooltip = { field: "config", type: "nominal" } as const;
  return {
    layer: [
      {
        data: { values: points.filter(({ kind }) => kind === CUT) },
        mark: { type: "circle", size: 9, color: COLORS.faint, opacity: 0.35 },
        encoding: { x: memory, y: value, description: tooltip },
      },
      {
        data: { values: points.filter(({ kind }) => kind === FRONT) },
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
          color: { field: "policy", type: "nominal", scale: { domain: titles, range: colors } },
          shape: {
            field: "policy",
            type: "nominal",
            scale: { domain: titles, range: titles.map((title) => SHAPES[ORDER.indexOf(title)] as string) },
          },
        },
      },
    ],
  };
}

function policyPoint(
  { outcome, shown }: PolicyChoice,
  upright: Upright,
): { readonly memory: number; readonly value: number; readonly policy: string; readonly config: string } {
  const policy = LEGEND[outcome.policy];
  const value = upright.of({ accuracy: shown.accuracy.expected, stepMs: shown.stepMs.expected });
  const fits = "result" in outcome ? "chosen" : "does not fit";
  return { memory: shown.memoryBytes.expected / MIB, value, policy, config: `${policy}: ${fits}` };
}

const LOGARITHMIC = { type: "log", nice: false } as const;
const LINEAR = { type: "linear", zero: false } as const;

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

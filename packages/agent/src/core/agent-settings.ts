import type { MethodName } from "@mpo/core";
import type { DeviceIdentity, Label } from "@mpo/protocol";
import { DEFAULT_DRIFT_LIMITS, type DriftLimits } from "../drift/drift-detector.ts";
import { type BudgetPolicy, DEFAULT_BUDGET_POLICY } from "../policy/budget-policy.ts";
import { DEFAULT_IDLE_RULE, type IdleRule } from "../policy/probe-schedule.ts";

/** The settings of an agent; all but the live ones are fixed at its start. */
export interface AgentSettings {
  readonly identity: DeviceIdentity;
  readonly labels: readonly Label[];
  readonly agentVersion: string;
  /** It is later than this, whatever the clocks say: milliseconds since 1970-01-01 UTC. */
  readonly releasedAtMs: number;
  /** Names the engine and its library: a change makes profiles stale. */
  readonly engineVersion: string;
  readonly budget: BudgetPolicy;
  readonly idle: IdleRule;
  readonly drift: DriftLimits;
  /** How models are adapted: by the one, or by whichever the search chooses of these. */
  readonly methods: readonly MethodName[];
  readonly effectiveBatch: number;
  /** How often the machine and the inputs are looked at. */
  readonly tickMs: number;
  /** Whether the machine runs in another power mode is looked at this often. */
  readonly modeLookMs: number;
  /** How often a running probe or window is checked against the serving program's needs. */
  readonly watchMs: number;
  /** Time between two windows of a model at least. */
  readonly windowPauseMs: number;
  /** Inputs that a window needs at least; after a drift, of those that came after it. */
  readonly minTrainingInputs: number;
  /** Whether what windows learn of drifts goes to other devices, and windows start from what others have learned. */
  readonly sharesAdaptations: boolean;
  /** Time for measuring, when inputs have drifted, how accuracy moves on them. 0: it is not measured. */
  readonly curvesMs: number;
  /** How long a window waits for the document that the coordinator makes of that. */
  readonly documentPatienceMs: number;
  /** A profile older than this is measured again. */
  readonly profileStaleMs: number;
  /** What a probe may take at most; an order may give it less. */
  readonly probeMs: number;
  /** How long probes wait for the coordinator's first orders: another device may measure for this one. */
  readonly briefingMs: number;
  /** A probe that waited this long for an idle machine runs on a busy one. */
  readonly probePatienceMs: number;
  /** As a check of a document that did. */
  readonly checkPatienceMs: number;
  /** Waits after failures of the link: from 0 to `base * 2^n`, at most `cap`. */
  readonly linkRetry: { readonly baseMs: number; readonly capMs: number };
}

/** What may change while an agent runs. */
export type LiveAgentSettings = Pick<
  AgentSettings,
  "budget" | "probeMs" | "curvesMs" | "windowPauseMs" | "minTrainingInputs" | "sharesAdaptations" | "tickMs"
>;

/** Everything that has a usual value. */
export const DEFAULT_AGENT_SETTINGS: Omit<AgentSettings, "identity" | "agentVersion" | "engineVersion"> = {
  labels: [],
  releasedAtMs: 0,
  budget: DEFAULT_BUDGET_POLICY,
  idle: DEFAULT_IDLE_RULE,
  drift: DEFAULT_DRIFT_LIMITS,
  methods: ["tent"],
  effectiveBatch: 64,
  tickMs: 5_000,
  modeLookMs: 60_000,
  watchMs: 1_000,
  windowPauseMs: 600_000,
  minTrainingInputs: 256,
  sharesAdaptations: false,
  curvesMs: 30_000,
  documentPatienceMs: 15_000,
  profileStaleMs: 7 * 86_400_000,
  probeMs: 120_000,
  briefingMs: 60_000,
  probePatienceMs: 3_600_000,
  checkPatienceMs: 300_000,
  linkRetry: { baseMs: 1_000, capMs: 30_000 },
};

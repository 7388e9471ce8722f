import type { Prediction, SearchBudget } from "@mpo/core";
import type { DeviceIdentity, RejectedRung, WindowResult } from "@mpo/protocol";
import type { AdminClient } from "@mpo/transport";
import type { ServedPhase } from "../../example-app/served-accuracy.ts";
import type { ChildCommand } from "./child-command.ts";
import type { DemoDevice } from "./demo-devices.ts";

/** A share from 0 to 1 that was served rightly, by the labels that only the demo knows, and how many images it counts. */
interface ServedShare {
  readonly share: number;
  readonly images: number;
}

export interface ServedShares {
  readonly clean: ServedShare;
  readonly drifted: ServedShare;
  /** Undefined: no retrained model was taken over. */
  readonly retrained: ServedShare | undefined;
}

export interface DeviceOutcome {
  readonly device: DemoDevice;
  readonly memoryBytes: number;
  readonly budget: SearchBudget;
  readonly considered: number;
  readonly overBudget: number;
  /** Of the document, in words. */
  readonly reasons: readonly string[];
  /** The best of those that the budget excluded. */
  readonly excluded: RejectedRung | undefined;
  readonly rungs: number;
  /** The rung that ran, with its predictions. */
  readonly rung: Prediction;
  readonly window: WindowResult;
  readonly served: ServedShares;
}

/** Asks the coordinator what it knows of a device after its window, and the program what it served. */
export async function readOutcome(
  device: DemoDevice,
  identity: DeviceIdentity,
  { admin, app, signal }: { readonly admin: AdminClient; readonly app: ChildCommand; readonly signal: AbortSignal },
): Promise<DeviceOutcome> {
  const [{ device: view, windows }, explained] = await Promise.all([
    admin.getDevice({ identity }, { signal }),
    admin.explainConfig({ identity }, { signal }),
  ]);
  const [window] = windows;
  if (window === undefined) throw new Error(`${device.name} has reported no window`);
  const { document, explanation } = explained;
  const { considered, overBudget, rejected } = explanation;
  return {
    device,
    memoryBytes: view.inventory.memoryBytes,
    budget: document.budget,
    considered,
    overBudget,
    reasons: document.reasons.map(({ text }) => text),
    excluded: rejected.find(({ reason }) => reason.code !== "runner-up"),
    rungs: document.rungs.length,
    rung: window.rung,
    window,
    served: servedShares(phasesOf(app)),
  };
}

/** What a program last reported of its accuracy. */
export function phasesOf(app: ChildCommand): readonly ServedPhase[] {
  return (app.latest("served")?.["phases"] ?? []) as readonly ServedPhase[];
}

/** Images that a retrained model has served so far. */
export function imagesAfter(phases: readonly ServedPhase[]): number {
  return sumOf(phases.filter(({ version, isDrifted }) => isDrifted && version > 0)).images;
}

function servedShares(phases: readonly ServedPhase[]): ServedShares {
  const share = (wanted: (phase: ServedPhase) => boolean): ServedShare => {
    const { images, right } = sumOf(phases.filter(wanted));
    return { share: images === 0 ? 0 : right / images, images };
  };
  const retrained = share(({ isDrifted, version }) => isDrifted && version > 0);
  return {
    clean: share(({ isDrifted }) => !isDrifted),
    drifted: share(({ isDrifted, version }) => isDrifted && version === 0),
    retrained: retrained.images === 0 ? undefined : retrained,
  };
}

function sumOf(phases: readonly ServedPhase[]): { readonly images: number; readonly right: number } {
  return {
    images: phases.reduce((sum, { images }) => sum + images, 0),
    right: phases.reduce((sum, { right }) => sum + right, 0),
  };
}

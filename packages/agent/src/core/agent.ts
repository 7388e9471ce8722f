import { checked } from "@mpo/core";
import { Wakeup } from "@mpo/io";
import {
  type DocumentVersion,
  type Doing,
  desiredEnvelopeCodec,
  type Instance,
  type Resources,
  type ServedModel,
  schemas,
} from "@mpo/protocol";
import { ConfigStore } from "../config/config-store.ts";
import { TrustedTime } from "../config/trusted-time.ts";
import { FeedLoop } from "../link/feed-loop.ts";
import { LinkLoop } from "../link/link-loop.ts";
import { ReportedProfiles } from "../link/reported-profiles.ts";
import { runSending } from "../link/send-loop.ts";
import { stampedLink } from "../link/stamped-link.ts";
import { ModelFetch } from "../models/model-fetch.ts";
import { LimitsWatch } from "../policy/limits-watch.ts";
import { requireMethods } from "../policy/owner-limits.ts";
import { Outbox } from "../report/outbox.ts";
import { runTogether } from "../work/run-together.ts";
import { WorkLoop } from "../work/work-loop.ts";
import { WorkMemory } from "../work/work-memory.ts";
import type { AgentParts } from "./agent-parts.ts";
import type { AgentPorts } from "./agent-ports.ts";
import type { AgentSettings, LiveAgentSettings } from "./agent-settings.ts";
import { Conditions, type Finding } from "./conditions.ts";
import { Documents } from "./documents.ts";
import { noteStart } from "./own-starts.ts";
import { randomName } from "./random-name.ts";

/** What an agent is at, for status pages and tests. */
export interface AgentSnapshot {
  readonly isOnline: boolean;
  readonly isFeedConnected: boolean;
  readonly doing: Doing["kind"] | undefined;
  /** The newest document ever accepted, and the one in use. */
  readonly floor: DocumentVersion | undefined;
  readonly applied: DocumentVersion | undefined;
  /** Whether the newest was given up. */
  readonly isGivenUp: boolean;
  readonly isConfirmed: boolean;
  /** What the owner allows, as it was written; empty: everything. */
  readonly limits: string;
  readonly rung: number | undefined;
  readonly waitingReports: number;
  readonly droppedReports: number;
}

export interface Agent {
  /** Runs until the signal aborts; then everything it began is over. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  snapshot(): AgentSnapshot;
  /** Retrains a model although no drift was noticed. */
  openWindow(model: string): void;
  /** Puts other settings in force; what runs ends by the old ones. */
  adjust(settings: LiveAgentSettings): void;
}

/**
 * Makes an agent over its ports; it reads what an earlier process left on the disk. The same core runs in the product, in
 * the simulation and in the bench: all that touches the world comes through the ports.
 */
export async function createAgent(atStart: AgentSettings, world: AgentPorts): Promise<Agent> {
  // All parts see the same one, and read it when they need it.
  const settings: AgentSettings = { ...atStart };
  // A coordinator would refuse them, again and again.
  checked(schemas.deviceIdentity, settings.identity, "identity", "invalid-argument");
  checked(schemas.labels, settings.labels, "labels", "invalid-argument");
  const instanceId = randomName(world.random);
  const instance: Instance = { instanceId, ...world.machine, ...(await noteStart(instanceId, world)) };
  const ports: AgentPorts = { ...world, link: stampedLink(world.link, instance) };
  const inventory = await ports.monitor.inventory();
  const store = await ConfigStore.open(ports.disk, ports.logger);
  const outbox = await Outbox.open(ports.disk, { identity: settings.identity, name: instance.instanceId, ...ports });
  const memory = await WorkMemory.open(ports);
  const reported = new ReportedProfiles(ports);
  const limits = await LimitsWatch.open(ports.limitsFile, ports.logger);
  requireMethods(limits.limits, settings.methods);
  const time = ports.time ?? (await TrustedTime.open(ports, [settings.releasedAtMs]));
  time.hasPassed(store.floor?.issuedAtMs ?? 0);
  const sending = new Wakeup(ports.clock);
  const parts: AgentParts = { settings, ports, inventory, store, outbox, time, memory, reported, limits };
  const documents = new Documents({
    ...parts,
    onChange: () => work.documentChanged(),
    onWaits: (wanted) => fetch?.want(wanted),
  });
  const fetch =
    ports.artifacts &&
    new ModelFetch({
      ...{ ...parts, artifacts: ports.artifacts },
      onFetched: async () => {
        await documents.fetched();
        work.documentChanged();
        sending.wake();
      },
      onRefused: async ({ artifact }, message) => {
        await documents.notFetched(artifact, message);
        sending.wake();
      },
    });
  const onReport = (): void => sending.wake();
  const onModels = (models: readonly ServedModel[]): void => link.modelsAre(models);
  const onDoing = (): void => link.beat();
  // What was refused is offered again.
  const onLimits = (): void => link.sayHello();
  const work: WorkLoop = new WorkLoop({ ...parts, documents, fetch, onReport, onModels, onDoing, onLimits });
  const offer = async (envelope: Uint8Array): Promise<void> => {
    // A document of this name is the other machine's.
    if (link.isDoubled) return;
    await documents.offer(envelope);
    sending.wake();
  };
  const feed = new FeedLoop({ ...parts, onEnvelope: offer });
  const link: LinkLoop = new LinkLoop({
    ...parts,
    models: () => ports.serving.models(),
    doing: () => doing(),
    conditions: (resources) => conditions.update(findings(resources), time.nowMs()),
    hasFailedDocument: () => documents.hasFailed,
    onHello: async ({ desired, probes, natsServers, needsStatus }) => {
      const isAllSent = outbox.waiting.length === 0;
      if (desired !== undefined) await offer(desiredEnvelopeCodec.toBytes(desired));
      await work.setOrders(probes);
      if (needsStatus && isAllSent) await documents.reportAgain(work.rung);
      feed.useServers(natsServers);
      sending.wake();
    },
  });
  const conditions = new Conditions();
  const doing = (): Doing | undefined => {
    if (work.current.now === undefined) return undefined;
    const { kind, model, leftMs } = work.current.now;
    return { kind, model, untilMs: Math.max(0, Math.round(time.nowMs() + leftMs)) };
  };
  const findings = ({ isThrottled }: Resources): readonly Finding[] => {
    const found = [...work.findings];
    const add = (code: Finding["code"], message: string): unknown => found.push({ code, subject: "", message });
    if (documents.hasFailed)
      add("not-writable", "a configuration could not be written down; the last one stays in use");
    if (limits.problem !== undefined) found.push({ code: "unreadable", subject: "limits", message: limits.problem });
    const refusal = documents.refusal ?? documents.excess;
    if (refusal !== undefined) add("document-refused", refusal);
    if (!feed.isConnected) add("nats-unconnected", "configurations come with heartbeats only, not at once");
    const [first] = outbox.waiting;
    if (first !== undefined) {
      const what = first.kind === "profile" ? `profile of ${first.request.profile.model.name}` : "status";
      add("report-pending", `reports that wait to be sent: ${outbox.waiting.length}; the first is a ${what}`);
    }
    if (fetch?.problem !== undefined) add("model-pending", fetch.problem);
    if (time.problem !== undefined) add("clock-wrong", time.problem);
    if (ports.logger.isFailing) {
      add("log-not-written", "lines of its log are lost: what reads the log has gone away, or the log's disk is full");
    }
    if (isThrottled) add("throttled", "it runs slower than it could, because of heat or voltage");
    return found;
  };
  return {
    run: async ({ signal }) => {
      try {
        await runTogether(signal, [
          (all) => link.run(all),
          (all) => feed.run(all),
          (all) => runSending({ ...parts, wakeup: sending, onUnknown: () => link.sayHello() }, all),
          (all) => work.run(all),
          ...(fetch === undefined ? [] : [(all: AbortSignal) => fetch.run(all)]),
        ]);
      } finally {
        await outbox.close();
        await time.keep();
      }
    },
    snapshot: () => ({
      isOnline: link.isOnline,
      isFeedConnected: feed.isConnected,
      doing: work.current.now?.kind,
      floor: store.floor,
      applied: store.document?.version,
      isGivenUp: store.isGivenUp,
      isConfirmed: store.isConfirmed,
      limits: limits.limits.words,
      rung: work.rung,
      waitingReports: outbox.waiting.length,
      droppedReports: outbox.dropped,
    }),
    openWindow: (model) => work.openWindow(model),
    adjust: (live) => {
      Object.assign(settings, live);
      work.look();
    },
  };
}

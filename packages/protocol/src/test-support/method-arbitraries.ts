import fc from "fast-check";
import { desiredDocumentCodec, desiredEnvelopeCodec } from "../desired-codec.ts";
import type { MessageCodec } from "../message-codec.ts";
import type { ReportProfileRequest } from "../report-codec.ts";
import { ADMIN_SERVICE, FLEET_SERVICE } from "../services.ts";
import {
  budgets,
  configs,
  digests,
  documentStatuses,
  documents,
  envelopes,
  identities,
  inventories,
  labelLists,
  names,
  objectives,
  probeFailures,
  profiles,
  reasons,
  resourceSets,
  rungs,
  servedModels,
  shape,
  texts,
  times,
  versions,
  wholes,
  windowResults,
} from "./arbitraries.ts";
import { chains } from "./chain-arbitraries.ts";

/** A codec with good values of it. */
export interface CodecCase {
  readonly codec: MessageCodec<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

function codecCase<Value>(codec: MessageCodec<Value>, values: fc.Arbitrary<Value>): CodecCase {
  return { codec: codec as MessageCodec<unknown>, values };
}

const pem = fc.array(texts(1, 64), { minLength: 1, maxLength: 5 }).map((lines) => lines.join("\n"));
const heartbeats = fc.integer({ min: 1, max: 86_400 });
const page = { pageSize: fc.integer({ min: 1, max: 1000 }) };
const pageTokens = texts(1, 256);

const devices = shape(
  {
    identity: identities,
    inventory: inventories,
    resources: resourceSets,
    labels: labelLists,
    models: servedModels,
    presence: fc.constantFrom("online" as const, "offline" as const),
    lastSeenMs: times,
  },
  { desiredVersion: versions, reportedStatus: documentStatuses },
);

const summaries = shape({
  identity: identities,
  model: names,
  modelDigest: digests,
  deviceClass: names,
  measuredAtMs: times,
  stepCount: fc.integer({ min: 0, max: 4096 }),
  curveCount: fc.integer({ min: 0, max: 1024 }),
  revision: wholes,
});

const events = shape(
  { sequence: wholes, atMs: times, kind: names, tenant: names, actor: texts(1, 128), message: texts(0, 512) },
  { device: names },
);

const orders = shape({
  order: names,
  model: names,
  modelDigest: digests,
  configs: fc.array(configs, { maxLength: 4 }),
  maxMs: fc.double({ min: 1e-6, max: 86_400_000, noNaN: true }),
});

const statuses = fc.oneof(
  shape({ kind: fc.constant("document" as const), document: documentStatuses }),
  shape({ kind: fc.constant("window" as const), window: windowResults }),
  shape({ kind: fc.constant("probe" as const), probe: probeFailures }),
);

const fleet = FLEET_SERVICE;
const admin = ADMIN_SERVICE;

/** A report in which the parts speak of the same device and model. */
function consistent(request: ReportProfileRequest): ReportProfileRequest {
  const { identity, profile, chain } = request;
  // Fewer units would leave measurements of units that are not there.
  const fits = chain !== undefined && profile.unitTimes.every(({ unit }) => unit < chain.units.length);
  const { chain: _, ...rest } = request;
  const model = fits ? { ...profile.model, unitCount: chain.units.length } : profile.model;
  return {
    ...rest,
    ...(fits ? { chain } : {}),
    profile: { ...profile, model, device: { ...profile.device, id: identity.device } },
  };
}

/** Every message that travels on its own. */
export const CODEC_CASES: readonly CodecCase[] = [
  codecCase(desiredDocumentCodec, documents),
  codecCase(desiredEnvelopeCodec, envelopes),
  codecCase(
    fleet.enroll.request,
    shape(
      { identity: identities, inventory: inventories, labels: labelLists },
      { joinToken: texts(1, 256), publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }) },
    ),
  ),
  codecCase(
    fleet.enroll.response,
    shape(
      {
        state: fc.constantFrom("accepted" as const, "pending" as const),
        retryAfterSeconds: fc.integer({ min: 0, max: 86_400 }),
      },
      { certificatePem: pem, natsCredentials: pem },
    ),
  ),
  codecCase(
    fleet.hello.request,
    shape(
      {
        identity: identities,
        inventory: inventories,
        resources: resourceSets,
        labels: labelLists,
        models: servedModels,
      },
      { versionFloor: versions, appliedVersion: versions },
    ),
  ),
  codecCase(
    fleet.hello.response,
    shape(
      {
        serverTimeMs: times,
        probes: fc.array(orders, { maxLength: 3 }),
        heartbeatSeconds: heartbeats,
        natsServers: fc.array(texts(1, 256), { maxLength: 8 }),
      },
      { desiredVersion: versions, desired: envelopes },
    ),
  ),
  codecCase(
    fleet.reportProfile.request,
    shape({ identity: identities, report: names, profile: profiles }, { order: names, chain: chains }).map((request) =>
      consistent(request),
    ),
  ),
  codecCase(
    fleet.reportProfile.response,
    shape({ isDuplicate: fc.boolean(), revision: wholes, needsChain: fc.boolean() }),
  ),
  codecCase(
    fleet.reportStatus.request,
    shape({ identity: identities, report: names, sequence: wholes, reportedAtMs: times, status: statuses }),
  ),
  codecCase(fleet.reportStatus.response, shape({ isDuplicate: fc.boolean() }, { desiredVersion: versions })),
  codecCase(
    fleet.heartbeat.request,
    shape({ identity: identities, resources: resourceSets }, { appliedVersion: versions }),
  ),
  codecCase(
    fleet.heartbeat.response,
    shape(
      { serverTimeMs: times, heartbeatSeconds: heartbeats, needsHello: fc.boolean() },
      { desiredVersion: versions },
    ),
  ),
  codecCase(
    admin.listDevices.request,
    shape({ tenant: names, labels: labelLists, ...page }, { deviceClass: names, pageToken: pageTokens }),
  ),
  codecCase(
    admin.listDevices.response,
    shape({ devices: fc.array(devices, { maxLength: 3 }) }, { nextPageToken: pageTokens }),
  ),
  codecCase(admin.getDevice.request, shape({ identity: identities })),
  codecCase(
    admin.getDevice.response,
    shape({
      device: devices,
      windows: fc.array(windowResults, { maxLength: 3 }),
      probeFailures: fc.array(probeFailures, { maxLength: 3 }),
    }),
  ),
  codecCase(
    admin.listProfiles.request,
    shape({ tenant: names, ...page }, { device: names, model: names, pageToken: pageTokens }),
  ),
  codecCase(
    admin.listProfiles.response,
    shape({ profiles: fc.array(summaries, { maxLength: 3 }) }, { nextPageToken: pageTokens }),
  ),
  codecCase(admin.getProfile.request, shape({ identity: identities, model: names })),
  codecCase(admin.getProfile.response, shape({ profile: profiles, revision: wholes })),
  codecCase(admin.getConfig.request, shape({ identity: identities }, { version: versions })),
  codecCase(admin.getConfig.response, shape({ document: documents }, { status: documentStatuses })),
  codecCase(admin.explainConfig.request, shape({ identity: identities })),
  codecCase(
    admin.explainConfig.response,
    shape({
      document: documents,
      considered: fc.nat(),
      overBudget: fc.nat(),
      rejected: fc.array(shape({ rung: rungs, reason: reasons }), { maxLength: 3 }),
    }),
  ),
  codecCase(
    admin.pushConfig.request,
    shape(
      { identity: identities, model: names, reason: texts(0, 256) },
      { budget: budgets, objective: objectives, config: configs, expectedVersion: versions },
    ),
  ),
  codecCase(admin.pushConfig.response, shape({ document: documents })),
  codecCase(
    admin.rollbackConfig.request,
    shape({ identity: identities, reason: texts(0, 256) }, { version: versions }),
  ),
  codecCase(admin.rollbackConfig.response, shape({ document: documents })),
  codecCase(
    admin.listEvents.request,
    shape({ tenant: names, beforeSequence: fc.maxSafeNat(), ...page }, { device: names }),
  ),
  codecCase(admin.listEvents.response, shape({ events: fc.array(events, { maxLength: 5 }) })),
  codecCase(admin.watchEvents.request, shape({ tenant: names, afterSequence: fc.maxSafeNat() }, { device: names })),
  codecCase(admin.watchEvents.response, shape({ event: events })),
];

import { SIGNATURE_LENGTH } from "@mpo/core";
import type { DeviceIdentity } from "@mpo/protocol";
import { tinyChain } from "../testing/tiny-chain.ts";
import { documentReport, helloOf, MODEL_DIGEST, RESOURCES, reportOf } from "../testing/tiny-fleet.ts";

export const ADAPTATION = {
  ...{ model: "tiny", manifestDigest: MODEL_DIGEST, signature: new Array<number>(SIGNATURE_LENGTH).fill(0) },
  ...{ parameters: Buffer.alloc(40, 7), judgement: "labels", accuracyBefore: 0.4, accuracyAfter: 0.6, samples: 10 },
};

/** Of a model whose chunks nobody has. */
const MANIFEST = {
  ...{ name: "ghost", version: 1, manifestDigest: "ab".repeat(32), graphDigest: "ab".repeat(32) },
  files: [{ name: "model.json", bytes: 2, digest: "ab".repeat(32), chunks: ["cd".repeat(32)] }],
  ...{ chainDigest: "ab".repeat(32), summary: { takes: "4x4", classes: 2, parameters: 1, madeBy: "" } },
};

const ROLLOUT = JSON.stringify({ name: "matrix", model: "tiny", change: { rule: {} } });

/** A message for each call about a device; what it says beyond that is drawn. */
export function messageOf(call: string, identity: DeviceIdentity, random: () => number): unknown {
  const { tenant, device } = identity;
  const about = { identity, reason: "matrix" };
  const page = { pageSize: 1 + Math.floor(1000 * random()) };
  const mine = random() < 0.5 ? { device } : {};
  const report = reportOf(device, `r${Math.floor(1e9 * random())}`);
  const version = random() < 0.5 ? { version: { epoch: 1, version: 1 } } : {};
  const all: Readonly<Record<string, unknown>> = {
    hello: { ...helloOf(device), identity },
    heartbeat: { identity, resources: RESOURCES, conditions: [] },
    reportProfile: { ...report, identity },
    reportProfilePart: { identity, digest: "ab".repeat(32), totalBytes: 100, offset: 0 },
    fetchProfile: { identity, model: "tiny", sharedFrom: device, memoryBytes: 1e9, offset: 0 },
    reportStatus: { ...documentReport(device, 1 + Math.floor(1e6 * random()), 1, "confirmed"), identity },
    whoAmI: {},
    createConsoleCode: {},
    reportAdaptation: { identity, report: `a${Math.floor(1e9 * random())}`, adaptation: ADAPTATION },
    reportAdaptationPart: { identity, digest: "ab".repeat(32), totalBytes: 100, offset: 0 },
    fetchAdaptation: {
      identity,
      model: "tiny",
      manifestDigest: MODEL_DIGEST,
      signature: ADAPTATION.signature,
      offset: 0,
    },
    listAdaptations: { tenant, ...page },
    removeAdaptation: { tenant, adaptation: "ghost" },
    getArtifact: { identity, digest: "ab".repeat(32) },
    getArtifactChunk: { identity, artifact: "ab".repeat(32), chunk: "cd".repeat(32), offset: 0, length: 10 },
    listPublishedModels: { tenant, ...page },
    getPublishedModel: { tenant, name: "ghost", version: 1 },
    findMissingChunks: { tenant, chunks: ["ab".repeat(32)] },
    putChunk: { tenant, chunk: Buffer.from(`chunk ${random()}`) },
    publishModel: { tenant, manifest: MANIFEST, chain: tinyChain() },
    removePublishedModel: { tenant, name: "ghost", version: 1, isForced: true },
    listDevices: { tenant, ...page },
    saveGroup: { tenant, name: "all", where: "memory > 1B", description: "" },
    listGroups: { tenant },
    removeGroup: { tenant, name: "ghost" },
    planRollout: { tenant, spec: ROLLOUT, reason: "matrix" },
    getRollout: { tenant, name: "matrix" },
    listRollouts: { tenant, ...page },
    listRolloutDevices: { tenant, name: "matrix", ...page },
    // One that runs would be written by its leader all the time.
    changeRollout: { tenant, name: "matrix", command: "pause", reason: "matrix" },
    removeRollout: { tenant, name: "matrix", reason: "matrix" },
    getDevice: { identity },
    listResources: { identity },
    listProfiles: { tenant, ...mine, ...page },
    getProfile: { identity, model: "tiny" },
    getConfig: { identity, ...version },
    explainConfig: { identity },
    tryBudget: { identity, model: "tiny" },
    listEvents: { tenant, ...mine, ...page, beforeSequence: 0, ...(random() < 0.5 ? { afterSequence: 0 } : {}) },
    watchEvents: { tenant, ...mine, afterSequence: 1 },
    verifyEvents: {},
    listEnrolments: { tenant, ...page },
    refreshDevice: { identity },
    probeDevice: { identity, model: "tiny" },
    pushConfig: { ...about, model: "tiny" },
    rollbackConfig: { ...about, ...version },
    labelDevice: { identity, labels: [{ name: "l", value: "v" }], removed: [] },
    decideDevice: { ...about, keep: "i1" },
    retireDevice: about,
    removeDevice: about,
    renameDevice: { ...about, newName: "renamed" },
    decideEnrolment: { ...about, decision: "accepted" },
    preauthoriseDevices: {
      tenant,
      devices: [
        { identity: { tenant, device: `pre-${Math.floor(1e6 * random())}` }, keyDigest: hexOf(random), labels: [] },
      ],
    },
    createJoinTokens: { tenant, count: 1, uses: 1, validMs: 60_000, labels: [], isAccepting: true },
    listJoinTokens: { tenant },
    revokeJoinToken: { tenant, id: "ghost" },
    createAccessToken: { name: "new", role: "admin", ...(random() < 0.5 ? { tenant } : {}), validMs: 60_000 },
    listAccessTokens: {},
    revokeAccessToken: { id: "ghost" },
    getAuthority: {},
    rotateAuthority: { isDistrusting: false, reason: "" },
    rotateKeys: { reason: "" },
    installKeys: { keyDocument: new Uint8Array(200) },
  };
  if (all[call] === undefined) throw new Error(`there is no message for ${call}`);
  return all[call];
}

const hexOf = (random: () => number): string =>
  Array.from({ length: 64 }, () => Math.floor(16 * random()).toString(16)).join("");

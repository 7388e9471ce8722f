import assert from "node:assert/strict";
import { test } from "node:test";
import { configSchema, type Fact, profileSchema } from "@mpo/core";
import fc from "fast-check";
import type * as z from "zod";
import { LIMITS } from "./limits.ts";
import { inventory, resources } from "./messages/device.ts";
import {
  compareVersions,
  type DesiredDocument,
  desiredDocument,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "./messages/document.ts";
import { protoMessage } from "./protos.ts";
import { ADMIN_SERVICE, FLEET_SERVICE } from "./services.ts";
import { valuesOf } from "./test-support/values.ts";

const one = <Schema extends z.ZodType>(schema: Schema): Fact<Schema> =>
  fc.sample(valuesOf(schema), { numRuns: 1, seed: 11 })[0] as Fact<Schema>;
const identity = { tenant: "acme", device: "pi-4" };
const document: DesiredDocument = {
  ...one(desiredDocument),
  ...identity,
  issuedAtMs: 1000,
  expiresAtMs: 2000,
  chosenRung: 0,
  rungs: [
    {
      config: {
        microBatch: 8,
        accumulation: 32,
        freezing: { featureExtraction: 0.5, normalisation: 0, linear: 0 },
        checkpoints: { kind: "schedule", actions: [{ kind: "backward", unit: 3 }] },
      },
      memoryBytes: { expected: 2e8, upper: 3e8 },
      stepMs: { expected: 2000, upper: 3000 },
      overheadMs: 0,
      stepsInWindow: 30,
      accuracy: { expected: 0.7, lower: 0.6, upper: 0.8, steps: 25, isGuess: false },
      trainingMs: 50_000,
      unknowns: [],
    },
  ],
};
const [rung] = document.rungs as [DesiredDocument["rungs"][number]];

/** Edits of a good document, and what the refusal must say. */
const DOCUMENTS: readonly (readonly [Partial<DesiredDocument>, RegExp])[] = [
  [{ tenant: "" }, /^DesiredDocument\.tenant is empty; expected a name/u],
  [{ device: "a.b" }, /^DesiredDocument\.device is "a\.b"; expected a name/u],
  [{ device: "a*" }, /device/u],
  [{ device: "a>b" }, /device/u],
  [{ device: "__proto__" }, /device is "__proto__"/u],
  [{ device: "constructor" }, /device/u],
  [{ device: "x".repeat(65) }, /device is a text of 65 characters/u],
  [{ version: { epoch: 0, version: 1 } }, /^DesiredDocument\.version\.epoch is 0/u],
  [{ version: { epoch: 1, version: 2 ** 53 } }, /version\.version is 9007199254740992/u],
  [{ version: { epoch: 1, version: -1 } }, /version\.version is -1/u],
  [{ expiresAtMs: 1000 }, /expiresAtMs is 1000; expected later than issuedAtMs, 1000/u],
  [{ issuedAtMs: Number.NaN }, /issuedAtMs is NaN/u],
  [{ manifestDigest: "AB" }, /manifestDigest is "AB"; expected 64/u],
  [{ objective: "speed" as never }, /objective is "speed"; expected one of accuracy, memory, time/u],
  [{ objective: "toString" as never }, /objective/u],
  [{ budget: { memoryBytes: 0, windowMs: 1 } }, /budget\.memoryBytes is 0/u],
  [{ budget: { memoryBytes: 1, windowMs: 0 } }, /budget\.windowMs is 0; expected a number above 0/u],
  [{ budget: { memoryBytes: 1, windowMs: Number.POSITIVE_INFINITY } }, /windowMs is Infinity/u],
  [{ budget: { memoryBytes: 1, windowMs: Number.NaN } }, /windowMs is NaN/u],
  [
    { rungs: [], chosenRung: 0, artifact: undefined },
    /rungs is a list of 0; expected at least one, or a published version/u,
  ],
  [{ rungs: new Array(65).fill(rung) as never }, /rungs is a list of 65/u],
  [{ chosenRung: 1 }, /chosenRung is 1; expected one of the 1 rungs/u],
  [{ rungs: [{ ...rung, config: { ...rung.config, microBatch: 0 } }] }, /rungs\[0\]\.config\.microBatch is 0/u],
  [{ rungs: [{ ...rung, config: { ...rung.config, accumulation: 1.5 } }] }, /config\.accumulation is 1\.5/u],
  [
    { rungs: [{ ...rung, config: { ...rung.config, freezing: { ...rung.config.freezing, linear: 1.01 } } }] },
    /rungs\[0\]\.config\.freezing\.linear is 1\.01; expected a number from 0 to 1/u,
  ],
  [
    { rungs: [{ ...rung, config: { ...rung.config, checkpoints: { kind: "uniform", segments: 0 } } }] },
    /config\.checkpoints\.segments is 0/u,
  ],
  [
    { rungs: [{ ...rung, config: { ...rung.config, checkpoints: { kind: "boundaries", at: [1, 4096] } } }] },
    /config\.checkpoints\.at\[1\] is 4096/u,
  ],
  [
    {
      rungs: [
        {
          ...rung,
          config: { ...rung.config, checkpoints: { kind: "schedule", actions: [{ kind: "backward", unit: 9999 }] } },
        },
      ],
    },
    /config\.checkpoints\.actions\[0\]\.unit is 9999/u,
  ],
  [
    { rungs: [{ ...rung, config: { ...rung.config, checkpoints: { kind: "magic" } as never } }] },
    /checkpoints\.kind is "magic"; expected exactly one of none, uniform/u,
  ],
  [
    { rungs: [{ ...rung, memoryBytes: { expected: 5, upper: 4 } }] },
    /memoryBytes\.upper is 4; expected at least what/u,
  ],
  [{ rungs: [{ ...rung, stepMs: { expected: -1, upper: 4 } }] }, /stepMs\.expected is -1/u],
  [{ rungs: [{ ...rung, stepMs: { expected: 1, upper: Number.POSITIVE_INFINITY } }] }, /stepMs\.upper is Infinity/u],
  [{ rungs: [{ ...rung, accuracy: { ...rung.accuracy, upper: 1.5 } }] }, /accuracy\.upper is 1\.5/u],
  [{ rungs: [{ ...rung, accuracy: { ...rung.accuracy, upper: 0.5 } }] }, /accuracy\.upper is 0\.5; expected at least/u],
  [{ rungs: [{ ...rung, accuracy: { ...rung.accuracy, lower: 0.9 } }] }, /accuracy\.lower is 0\.9; expected at most/u],
  [
    { rungs: [rung, { ...rung, memoryBytes: { expected: 1e8, upper: 1e8 } }] },
    /rungs\[1\]\.memoryBytes\.upper is 100000000; expected at least that below, 300000000/u,
  ],
  [{ rungs: [{ ...rung, unknowns: [""] }] }, /unknowns\[0\] is empty/u],
  [{ reasons: [{ code: "ok", text: "line\nbreak" }] }, /reasons\[0\]\.text/u],
  [{ budgetSource: "me" as never }, /budgetSource is "me"; expected one of given, policy/u],
  [{ request: "" }, /request is empty/u],
  [{ reasons: [{ code: "not ok", text: "x" }] }, /reasons\[0\]\.code/u],
];
for (const [edit, expected] of DOCUMENTS) {
  void test(`a document with ${JSON.stringify(edit)?.slice(0, 90)} is not sent`, () => {
    assert.throws(() => desiredDocumentCodec.toBytes({ ...document, ...edit }), {
      code: "invalid-argument",
      message: expected,
    });
  });
}

void test("checkpoints of no kind, or of two, are refused when they come in", () => {
  const type = protoMessage("PushConfigRequest");
  const { request } = ADMIN_SERVICE.pushConfig;
  const config = one(configSchema);
  const wire = type.decode(request.toBytes({ identity, model: "m", config, reason: "" })) as unknown as {
    readonly config: Record<string, unknown>;
  };
  const { microBatch, accumulation, freezing } = wire.config;
  for (const [flat, found] of [
    [{}, "absent"],
    [{ none: {}, uniform: { segments: 2 } }, '"none and uniform"'],
  ] as const) {
    const bytes = type.encode({ ...wire, config: { microBatch, accumulation, freezing, ...flat } }).finish();
    assert.throws(() => request.fromBytes(bytes), {
      code: "invalid-data",
      message: `PushConfigRequest.config.checkpoints is ${found}; expected exactly one of none, uniform, boundaries, schedule`,
    });
  }
});

void test("a document of 8192 bytes goes through, one of 8193 does not", () => {
  const sized = (actionCount: number, padding: number): DesiredDocument => {
    const actions = Array.from({ length: actionCount }, () => ({ kind: "backward" as const, unit: 3 }));
    const grown = { ...rung, config: { ...rung.config, checkpoints: { kind: "schedule" as const, actions } } };
    return { ...document, rungs: [grown], reasons: [{ code: "pad", text: "x".repeat(padding) }] };
  };
  // Fill up with actions until little is missing, then pad by the byte.
  const actionCount = 8_130 - bytesOf(sized(200, 130)) + 200;
  const padding = 130 + LIMITS.documentBytes - bytesOf(sized(actionCount, 130));
  const full = desiredDocumentCodec.toBytes(sized(actionCount, padding));
  assert.equal(full.length, 8_192);
  assert.throws(() => bytesOf(sized(actionCount, padding + 1)), { code: "over-budget", message: /8193 bytes/u });
  const envelope = { document: full, signatures: [{ key: "k", signature: new Uint8Array(64) }] };
  assert.ok(full.equals(desiredEnvelopeCodec.fromBytes(desiredEnvelopeCodec.toBytes(envelope)).document));
  assert.throws(
    () => desiredEnvelopeCodec.toBytes({ document: new Uint8Array(8_193), signatures: [] }),
    /document is 8193 bytes; expected 1 to 8192/u,
  );
});

function bytesOf(value: DesiredDocument): number {
  return desiredDocumentCodec.toBytes(value).length;
}

void test("a ladder of sixteen rungs with full schedules of fifty units fits a document", () => {
  const actions = Array.from({ length: 50 }, (_, unit) => [
    { kind: "forward" as const, unit, keep: "input" as const },
    { kind: "forward" as const, unit, keep: "all" as const },
    { kind: "backward" as const, unit },
  ]).flat();
  const full = { ...rung, config: { ...rung.config, checkpoints: { kind: "schedule" as const, actions } } };
  assert.ok(bytesOf({ ...document, rungs: new Array(16).fill(full) as never }) <= LIMITS.documentBytes);
});

void test("versions are ordered by epoch, then by version", () => {
  const sorted = [
    { epoch: 1, version: 9 },
    { epoch: 2, version: 1 },
    { epoch: 2, version: 2 },
  ];
  assert.deepEqual(sorted.toReversed().toSorted(compareVersions), sorted);
  assert.equal(compareVersions({ epoch: 1, version: 1 }, { epoch: 1, version: 1 }), 0);
});

void test("a status of two things, or of none, is refused", () => {
  const type = protoMessage("ReportStatusRequest");
  const base = { identity, report: "r", sequence: 1, reportedAtMs: 0 };
  const document = { version: { epoch: 1, version: 1 }, state: 2, message: "" };
  const probe = { model: "m", failedAtMs: 0, failures: 1, retryAtMs: 0, message: "" };
  const read = (wire: object) => FLEET_SERVICE.reportStatus.request.fromBytes(type.encode(wire).finish());
  assert.equal(read({ ...base, probe }).status.kind, "probe");
  assert.throws(
    () => read({ ...base, document, probe }),
    /status is "document and probe"; expected exactly one of doc/u,
  );
  assert.throws(() => read(base), /^MpoError: ReportStatusRequest\.status is absent/u);
});

void test("labels twice are refused", () => {
  const hello = { identity, inventory: one(inventory), resources: one(resources), models: [], profiles: [] };
  const labels = [
    { name: "site", value: "a" },
    { name: "site", value: "b" },
  ];
  assert.throws(
    () => FLEET_SERVICE.hello.request.toBytes({ ...hello, labels }),
    /HelloRequest\.labels\[1\]\.name is "site"; expected each name once/u,
  );
});

const profile = one(profileSchema);
const freezing = { featureExtraction: 0, normalisation: 0, linear: 0 };
const timed = (microBatch: number, ms: number): unknown => ({ unit: 1, microBatch, forwardMs: [ms], backwardMs: [ms] });
const PROFILES: readonly (readonly [object, RegExp])[] = [
  [{ version: 1 }, /profile\.version is 1/u],
  [{ device: { id: "other", class: "c" } }, /profile\.device\.id is "other"; expected the reporting device, pi-4/u],
  [{ idleBytes: -1 }, /profile\.idleBytes is -1/u],
  [{ idleBytes: Number.NaN }, /profile\.idleBytes is NaN/u],
  [{ unitTimes: [{ unit: 4095, microBatch: 1, forwardMs: [1], backwardMs: [1] }] }, /unitTimes\[0\]\.unit is 4095/u],
  [
    { unitTimes: [timed(8, 10), timed(16, 1)] },
    /unitTimes\[1\]\.forwardMs is 1; expected at least half of the 10 at micro-batch 8/u,
  ],
  [
    { unitTimes: [{ unit: 0, microBatch: 1, forwardMs: [], backwardMs: [1] }] },
    /unitTimes\[0\]\.forwardMs is a list of 0/u,
  ],
  [{ steps: [{ config: rung.config, plannedBytes: 0, stepMs: [1] }] }, /steps\[0\]\.plannedBytes is 0/u],
  [{ method: { loss: "a b", optimizer: "sgd" } }, /method\.loss is "a b"/u],
  [
    {
      accuracy: [
        {
          ...{ freezing, microBatch: 1, judge: "labels", startAccuracy: 0, judgedSamples: 1 },
          points: [
            { steps: 5, accuracy: 0.5 },
            { steps: 5, accuracy: 0.6 },
          ],
        },
      ],
    },
    /accuracy\[0\]\.points\[1\]\.steps is 5; expected more than the 5/u,
  ],
  [
    { accuracy: [{ freezing, microBatch: 1, judge: "me", startAccuracy: 0, judgedSamples: 1, points: [] }] },
    /accuracy\[0\]\.judge is "me"; expected one of labels, label-free/u,
  ],
];
for (const [edit, expected] of PROFILES) {
  void test(`a profile with ${JSON.stringify(edit).slice(0, 80)} is not sent`, () => {
    const good = { ...profile, device: { id: identity.device, class: "c" } };
    const request = { identity, report: "r", profile: { ...good, ...edit } };
    assert.throws(() => FLEET_SERVICE.reportProfile.request.toBytes(request), {
      code: "invalid-argument",
      message: expected,
    });
  });
}

void test("a secret that is refused is not shown", () => {
  const request = { identity, inventory: one(inventory), labels: [], joinToken: "hunter2\n" };
  assert.throws(
    () => FLEET_SERVICE.enroll.request.toBytes(request),
    (thrown) => thrown instanceof Error && !thrown.message.includes("hunter2") && /joinToken/u.test(thrown.message),
  );
});

import { gunzipSync, gzipSync } from "node:zlib";
import { type DeviceProgress, newDevice } from "@mpo/core";
import { type DocumentVersion, desiredDocumentCodec, type PlannedShare } from "@mpo/protocol";
import { contentOf, type DocumentContent, documentToBytes } from "../documents/make-document.ts";
import { packed, unpacked } from "../store/records.ts";
import type { Resolved } from "./resolve-ladders.ts";
import { PART_DEVICES, type PlanPart } from "./rollout-record.ts";

/** A device in its place. */
export interface PlacedDevice extends Resolved {
  readonly wave: number;
  readonly before: DocumentVersion | undefined;
}

/** A part of a plan, with its devices before their turn. */
export interface FreshPart {
  readonly part: PlanPart;
  readonly progress: readonly DeviceProgress[];
}

/** Contents are documents of no version yet. */
const STAMP = { version: { epoch: 1, version: 1 }, issuedAtMs: 0, validMs: 1, request: "plan" };

/** Divides devices into parts. Throws `over-budget` for a configuration that no document can hold. */
export function planParts(devices: readonly PlacedDevice[], nowMs: number): readonly FreshPart[] {
  const encoded = new Map<string, string>();
  const parts: FreshPart[] = [];
  for (let from = 0; from < devices.length; from += PART_DEVICES) {
    const members = devices.slice(from, from + PART_DEVICES);
    const keys = [...new Set(members.map(({ key }) => key))];
    for (const { key, content } of members) if (!encoded.has(key)) encoded.set(key, encode(content));
    parts.push({
      part: {
        contents: keys.map((key) => encoded.get(key) as string),
        devices: members.map(({ device, key, shown }) => ({
          ...shown,
          device: device.identity.device,
          content: keys.indexOf(key),
        })),
      },
      progress: members.map(({ device, wave, before }) => newDevice(device.identity.device, wave, before, nowMs)),
    });
  }
  return parts;
}

function encode(content: DocumentContent): string {
  return packed(gzipSync(documentToBytes(content, STAMP).bytes));
}

/** A content of a plan. */
export function decodeContent(text: string): DocumentContent {
  return contentOf(desiredDocumentCodec.fromBytes(gunzipSync(unpacked(text))));
}

const MAX_SHARES = 64;

/** What was chosen for how many, the most frequent first. */
export function distributionOf(devices: readonly Pick<Resolved, "shown">[]): readonly PlannedShare[] {
  const shares = new Map<string, PlannedShare & { sum: number }>();
  for (const { shown } of devices) {
    const { config, memoryBytes = 0, stepMs = 0, accuracy = 0 } = shown;
    const known = shares.get(config);
    shares.set(config, {
      config,
      devices: (known?.devices ?? 0) + 1,
      memoryBytes: Math.max(known?.memoryBytes ?? 0, memoryBytes),
      stepMs: Math.max(known?.stepMs ?? 0, stepMs),
      sum: (known?.sum ?? 0) + accuracy,
    });
  }
  return [...shares.values()]
    .sort((left, right) => right.devices - left.devices || (left.config < right.config ? -1 : 1))
    .slice(0, MAX_SHARES)
    .map(({ sum, ...share }) => ({ ...share, accuracy: sum / share.devices }));
}

import { CONDITION_CODES, isName } from "../facts/index.ts";

/** What a device's attributes are, to filters. */
interface KindValues {
  readonly text: string;
  /** One of a few words. */
  readonly word: string;
  /** Bytes. */
  readonly size: number;
  readonly count: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly version: string;
  readonly list: readonly string[];
}

export type AttributeKind = keyof KindValues;

export interface Attribute {
  readonly kind: AttributeKind;
  /** What it is, for people. */
  readonly says: string;
  /** A filter with it. */
  readonly example: string;
  /** All that it may be, or hold. */
  readonly words?: readonly string[];
  /** What a percentage is a share of. */
  readonly shareOf?: "memory";
}

/** Everything that devices are chosen by, besides their labels and the groups that they are in. */
export const ATTRIBUTES = {
  name: { kind: "text", says: "its name", example: "name matches pi-*" },
  class: { kind: "text", says: "its class, as its agent was started", example: "class in (pi-4, pi-5)" },
  board: { kind: "text", says: "the board, as the system names it", example: 'board matches "Raspberry Pi 4*"' },
  cpu: { kind: "text", says: "the processor, as the system names it", example: 'cpu matches "Cortex*"' },
  architecture: { kind: "text", says: "the processor's architecture", example: "architecture = arm64" },
  os: { kind: "text", says: "the system", example: 'os matches "Debian*"' },
  memory: { kind: "size", says: "its memory, or its limit where that is lower", example: "memory >= 1.5GiB" },
  free: { kind: "size", says: "free memory", example: "free < 10%", shareOf: "memory" },
  disk: { kind: "size", says: "free disk", example: "disk < 500MB" },
  cores: { kind: "count", says: "cores of the processor", example: "cores >= 4" },
  gpu: { kind: "list", says: "its accelerators", example: 'gpu has "NVIDIA Orin"' },
  agent: { kind: "version", says: "the agent's version", example: "agent < 0.3.0" },
  engine: { kind: "version", says: "TensorFlow's version", example: "engine = 4.22.0" },
  node: { kind: "version", says: "Node.js's version", example: "node >= 20" },
  models: {
    kind: "list",
    says: "the models that it serves, published ones also by version (camera@3)",
    example: "models has camera",
  },
  drift: { kind: "list", says: "models whose inputs drifted, by its newest reports", example: "drift has camera" },
  config: { kind: "version", says: "its newest configuration", example: "not config" },
  state: {
    kind: "word",
    says: "whether it is there",
    example: "state = offline",
    words: ["online", "offline", "retired"],
  },
  lastSeen: { kind: "duration", says: "how long ago it was last heard of", example: "lastSeen > 10min" },
  enrolled: { kind: "duration", says: "how long ago it became part of the fleet", example: "enrolled < 7d" },
  needs: { kind: "list", says: "what a person should look at", example: "needs has throttled", words: CONDITION_CODES },
} as const satisfies Readonly<Record<string, Attribute>>;

export type AttributeName = keyof typeof ATTRIBUTES;

/** What is known of a device, by the names of its attributes. Only those are read that a filter asks for. */
export type SelectionFacts = {
  readonly [Name in AttributeName]: KindValues[(typeof ATTRIBUTES)[Name]["kind"]] | undefined;
} & {
  /** The value of a label. */
  label(name: string): string | undefined;
};

/** Labels are attributes, with this before their names. */
const LABEL = "label.";
const LABEL_ATTRIBUTE: Attribute = { kind: "text", says: "a label's value", example: "label.site = berlin" };

/** An attribute by its name as filters have it; undefined: there is none. */
export function attributeOf(name: string): Attribute | undefined {
  if (name.startsWith(LABEL)) return isName(name.slice(LABEL.length)) ? LABEL_ATTRIBUTE : undefined;
  return Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name as AttributeName] : undefined;
}

/** What is known of an attribute. */
export function factOf(facts: SelectionFacts, name: string): KindValues[AttributeKind] | undefined {
  return name.startsWith(LABEL) ? facts.label(name.slice(LABEL.length)) : facts[name as AttributeName];
}

import type { ModelName } from "../zoo/build-model.ts";

/** Whose names a file of weights has. */
export const NAMINGS = ["torchvision", "timm"] as const;
export type Naming = (typeof NAMINGS)[number];

/** A pattern of nodes of a zoo model, and what modules of PyTorch hold their tensors. */
type Rule = readonly [nodes: RegExp, module: string | ((...parts: string[]) => string)];

/** What torchvision counts through, timm counts by stages: blocks of each. */
const V3_STAGES = { large: [1, 2, 3, 4, 2, 3], small: [1, 2, 3, 2, 3] } as const;
/** Blocks that squeeze and excite, and the one that does not expand; the last feature counts the last convolution. */
const V3_GATED = {
  large: new Set([4, 5, 6, 11, 12, 13, 14, 15]),
  small: new Set([1, 4, 5, 6, 7, 8, 9, 10, 11]),
} as const;
const V3_LAST = { large: 16, small: 12 } as const;
/** Blocks of MobileNet-v2 before each stage. */
const V2_BEFORE = [0, 1, 3, 6, 10, 13, 16];

/** Of a block that does not expand, parts count from one less. */
const INNER = ["expand", "depthwise", "gate", "project"];

const RESNET: readonly Rule[] = [
  [/^stem_(conv|norm)$/u, (kind) => (kind === "conv" ? "conv1" : "bn1")],
  [
    /^stage(\d)_block(\d+)_(\d)_(conv|norm)$/u,
    (stage, block, at, kind) => `layer${stage}.${less(block)}.${kind === "conv" ? "conv" : "bn"}${at}`,
  ],
  [
    /^stage(\d)_block(\d+)_shortcut_(conv|norm)$/u,
    (stage, block, kind) => `layer${stage}.${less(block)}.downsample.${kind === "conv" ? 0 : 1}`,
  ],
  [/^logits$/u, "fc"],
];

const DENSENET: readonly Rule[] = [
  [/^stem_(conv|norm)$/u, (kind) => `features.${kind}0`],
  [/^block(\d)_layer(\d+)_0_norm$/u, "features.denseblock$1.denselayer$2.norm1"],
  [/^block(\d)_layer(\d+)_1_conv$/u, "features.denseblock$1.denselayer$2.conv1"],
  [/^block(\d)_layer(\d+)_1_norm$/u, "features.denseblock$1.denselayer$2.norm2"],
  [/^block(\d)_layer(\d+)_2_conv$/u, "features.denseblock$1.denselayer$2.conv2"],
  [/^transition(\d)_(conv|norm)$/u, "features.transition$1.$2"],
  [/^last_norm$/u, "features.norm5"],
  [/^logits$/u, "classifier"],
];

const RULES: Readonly<Partial<Record<ModelName, Readonly<Record<Naming, readonly Rule[]>>>>> = {
  resnet50: { torchvision: RESNET, timm: RESNET },
  resnet101: { torchvision: RESNET, timm: RESNET },
  resnext50: { torchvision: RESNET, timm: RESNET },
  densenet121: { torchvision: DENSENET, timm: DENSENET },
  "mobilenet-v2": {
    torchvision: [
      [/^stem_(conv|norm)$/u, (kind) => `features.0.${at(kind)}`],
      [/^stage(\d)_block(\d)_(expand|depthwise|project)_(conv|norm)$/u, v2Part],
      [/^last_(conv|norm)$/u, (kind) => `features.18.${at(kind)}`],
      [/^logits$/u, "classifier.1"],
    ],
    timm: [
      [/^stem_(conv|norm)$/u, (kind) => (kind === "conv" ? "conv_stem" : "bn1")],
      [
        /^stage(\d)_block(\d)_(expand|depthwise|project)_(conv|norm)$/u,
        (stage, block, part, kind) => timmPart(less(stage), less(block), part, kind, stage === "1"),
      ],
      [/^last_(conv|norm)$/u, (kind) => (kind === "conv" ? "conv_head" : "bn2")],
      [/^logits$/u, "classifier"],
    ],
  },
  "mobilenet-v3-large": { torchvision: v3Rules("large"), timm: v3TimmRules("large") },
  "mobilenet-v3-small": { torchvision: v3Rules("small"), timm: v3TimmRules("small") },
};

/** Models whose weights have known names. */
export const TORCH_MODELS: readonly ModelName[] = Object.keys(RULES) as ModelName[];

/** The module of PyTorch that holds the tensors of a node; undefined: none is known. */
export function moduleOf(model: ModelName, naming: Naming, node: string): string | undefined {
  for (const [pattern, module] of RULES[model]?.[naming] ?? []) {
    const found = pattern.exec(node);
    if (found !== null) return typeof module === "string" ? node.replace(pattern, module) : module(...found.slice(1));
  }
  return undefined;
}

function v2Part(stage: string, block: string, part: string, kind: string): string {
  const module = `features.${V2_BEFORE[less(stage)]! + Number(block)}.conv`;
  const isPlain = stage === "1";
  const place = INNER.filter((inner) => inner !== "gate").indexOf(part) - (isPlain ? 1 : 0);
  // Only the last of a block is no Sequential of its own.
  return part === "project" ? `${module}.${place + at(kind)}` : `${module}.${place}.${at(kind)}`;
}

function v3Rules(size: "large" | "small"): readonly Rule[] {
  return [
    [/^stem_(conv|norm)$/u, (kind) => `features.0.${at(kind)}`],
    [
      /^block(\d+)_(expand|depthwise|project)_(conv|norm)$/u,
      (block, part, kind) => `${v3Part(size, block, part)}.${at(kind)}`,
    ],
    [
      /^block(\d+)_gate_(squeeze|excite)$/u,
      (block, part) => `${v3Part(size, block, "gate")}.${part === "squeeze" ? "fc1" : "fc2"}`,
    ],
    [/^last_(conv|norm)$/u, (kind) => `features.${V3_LAST[size]}.${at(kind)}`],
    [/^hidden$/u, "classifier.0"],
    [/^logits$/u, "classifier.3"],
  ];
}

/** A block's parts count through what it has. */
function v3Part(size: "large" | "small", block: string, part: string): string {
  const has = INNER.filter(
    (inner) => (inner !== "expand" || block !== "1") && (inner !== "gate" || V3_GATED[size].has(Number(block))),
  );
  return `features.${block}.block.${has.indexOf(part)}`;
}

function v3TimmRules(size: "large" | "small"): readonly Rule[] {
  const place = (block: string): readonly [stage: number, block: number] => {
    let left = less(block);
    const stage = V3_STAGES[size].findIndex((count) => {
      if (left < count) return true;
      left -= count;
      return false;
    });
    return [stage, left];
  };
  return [
    [/^stem_(conv|norm)$/u, (kind) => (kind === "conv" ? "conv_stem" : "bn1")],
    [
      /^block(\d+)_(expand|depthwise|project)_(conv|norm)$/u,
      (block, part, kind) => timmPart(...place(block), part, kind, block === "1"),
    ],
    [
      /^block(\d+)_gate_(squeeze|excite)$/u,
      (block, part) => `blocks.${place(block).join(".")}.se.conv_${part === "squeeze" ? "reduce" : "expand"}`,
    ],
    [/^last_(conv|norm)$/u, (kind) => `blocks.${V3_STAGES[size].length}.0.${kind === "conv" ? "conv" : "bn1"}`],
    [/^hidden$/u, "conv_head"],
    [/^logits$/u, "classifier"],
  ];
}

/** timm names a block's parts, and counts its normalisations. */
function timmPart(stage: number, block: number, part: string, kind: string, isPlain: boolean): string {
  const parts = isPlain ? ["depthwise", "project"] : ["expand", "depthwise", "project"];
  const convs = isPlain ? ["conv_dw", "conv_pw"] : ["conv_pw", "conv_dw", "conv_pwl"];
  const index = parts.indexOf(part);
  return `blocks.${stage}.${block}.${kind === "conv" ? convs[index] : `bn${index + 1}`}`;
}

function less(count: string): number {
  return Number(count) - 1;
}

/** Place of a convolution and of its normalisation in a Sequential. */
function at(kind: string): number {
  return kind === "conv" ? 0 : 1;
}

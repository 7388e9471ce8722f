import { createHash } from "node:crypto";
import type { ModelGraph, ModelNode } from "../model/model-graph.ts";

/**
 * SHA-256, in hexadecimal, of a model's structure: equal for equal graphs, whatever the order of their attributes, the
 * model's name or its weights. Profiles are of a digest, because costs depend on the structure alone.
 */
export function graphDigest({ nodes, output }: ModelGraph): string {
  return createHash("sha256")
    .update(JSON.stringify(canonical({ nodes: nodes.map(withoutForm), output })))
    .digest("hex");
}

/** What a model's images are is no matter of its structure. */
function withoutForm(node: ModelNode): ModelNode {
  return node.kind === "input" ? { ...node, attributes: { shape: node.attributes.shape } } : node;
}

/** The same value with the keys of all objects in order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, field]) => [name, canonical(field)]),
  );
}

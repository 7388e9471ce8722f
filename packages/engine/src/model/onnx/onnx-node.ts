import { MpoError } from "@mpo/core";
import { type Constant, constantOf } from "./constants.ts";
import { type AttributeMessage, type NodeMessage, toNumber } from "./onnx-messages.ts";
import type { Use } from "./source.ts";

/** A node of the file, or several that are one operation for the engine (`fusions.ts`). */
export interface OnnxNode {
  /** In the file; for messages and names. */
  readonly name: string;
  /** ONNX's operator, or one of our own for several: `mpo.Gelu`. */
  readonly op: string;
  /** Names of values; empty: an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Where the file reads each of the inputs. */
  readonly uses: readonly Use[];
  readonly attributes: Attributes;
}

export function onnxNode(message: NodeMessage, position: number, file: string): OnnxNode {
  const { opType = "", input, output } = message;
  return {
    name: message.name || `${opType}_${position}`,
    op:
      message.domain === undefined || message.domain === "" || message.domain === "ai.onnx"
        ? opType
        : `${message.domain}.${opType}`,
    inputs: input,
    outputs: output,
    uses: input.map((_, index) => ({ node: message, index })),
    attributes: new Attributes(message.attribute, file),
  };
}

/** The attributes of a node, each with its default. */
export class Attributes {
  readonly #byName: ReadonlyMap<string, AttributeMessage>;
  readonly #file: string;

  constructor(attributes: readonly AttributeMessage[], file: string) {
    this.#byName = new Map(attributes.map((attribute) => [attribute.name ?? "", attribute]));
    this.#file = file;
  }

  static ofFloats(settings: Readonly<Record<string, number>>): Attributes {
    const attributes = Object.entries(settings).map(([name, value]) => ({ name, f: value, i: value }));
    return new Attributes(attributes, "");
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  int(name: string, otherwise: number): number {
    const attribute = this.#byName.get(name);
    return attribute === undefined ? otherwise : toNumber(attribute.i);
  }

  float(name: string, otherwise: number): number {
    const attribute = this.#byName.get(name);
    return attribute === undefined ? otherwise : (attribute.f ?? 0);
  }

  text(name: string, otherwise: string): string {
    const attribute = this.#byName.get(name);
    return attribute === undefined ? otherwise : Buffer.from(attribute.s ?? []).toString("utf8");
  }

  ints(name: string): readonly number[] | undefined {
    return this.#byName.get(name)?.ints?.map(toNumber);
  }

  floats(name: string): readonly number[] | undefined {
    return this.#byName.get(name)?.floats;
  }

  tensor(name: string): Constant | undefined {
    const tensor = this.#byName.get(name)?.t;
    return tensor ? constantOf(tensor, this.#file) : undefined;
  }
}

/** The error of a node that asks for what the engine does not have. The caller says of which file. */
export function notSupported({ name, op }: OnnxNode, text: string, hint?: string): MpoError {
  return new MpoError("unsupported", `node "${name}" (${op}): ${text}`, { hint });
}

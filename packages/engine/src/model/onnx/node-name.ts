import type { OnnxNode } from "./onnx-node.ts";

/** Names of parameters in PyTorch and Keras, without the parameter; what exporters made up (`onnx::Conv_123`) is none. */
const OWNER = /^(?!onnx::)(.+?)[./](?:weight|kernel|gamma|depthwise_kernel|weight_quantized)(?:[:/].*)?$/;

/**
 * The engine's name for a node of the file: that of the layer whose weight it reads, or the node's own. Only letters that
 * the draft knows come through.
 */
export function nodeName(node: OnnxNode, weight?: number): string {
  const owner = weight === undefined ? undefined : OWNER.exec(node.inputs[weight] ?? "")?.[1];
  return owner ?? node.name.replace(/^\/+/, "");
}

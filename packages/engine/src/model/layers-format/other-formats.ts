import { basename, extname } from "node:path";
import { MpoError } from "@mpo/core";

/** Formats of models that are not read here: what a person calls them, and what to give instead. */
const WHOLE_MODEL = 'Save the whole model in Keras: model.save("model.keras")';
const FROZEN =
  "It has no layers that could be trained, and no converter gives it any. Give the .keras or .h5 file that it was made from.";
const OTHER_FORMATS = {
  graphModel: ["a TensorFlow.js graph model", FROZEN],
  tflite: ["a TensorFlow Lite model", FROZEN],
  savedModel: [
    "a TensorFlow SavedModel",
    "If Keras 2 saved it, convert it: tensorflowjs_converter --input_format=keras_saved_model SAVED_MODEL FOLDER",
  ],
  structure: ["the structure of a Keras model without its weights", WHOLE_MODEL],
  zip: ["a zip archive, but not a .keras file", "If a model is packed in it, unpack it: unzip FILE -d FOLDER"],
  hdf5: ["an HDF5 file, but not a Keras model", WHOLE_MODEL],
  weights: ["the weights of a Keras model without its structure", WHOLE_MODEL],
  onnx: ["an ONNX model", "It is read by its whole name, ending in .onnx."],
  pytorch: ["a PyTorch file", 'Export it: torch.onnx.export(model, inputs, "model.onnx", opset_version=18)'],
  empty: ["an empty file", "Copy the model again."],
  lfs: ["a pointer of Git LFS, not the file itself", "Fetch the file: git lfs pull"],
  unknown: [
    "not a model of a known format",
    "Give a TensorFlow.js layers model (model.json and its weight files), a .keras, .h5 or .onnx file.",
  ],
} as const;
export type OtherFormat = keyof typeof OTHER_FORMATS;

/** The error of a file that is something other than a model that is read here. */
export function otherFormat(path: string, format: OtherFormat): MpoError {
  const [title, hint] = OTHER_FORMATS[format];
  return new MpoError("unsupported", `${path}: this is ${title}`, { hint });
}

/** What a file is called that does not begin as one of Keras or TensorFlow Lite does. */
const BY_EXTENSION: Readonly<Record<string, OtherFormat>> = {
  ...{ ".onnx": "onnx", ".pt": "pytorch", ".pth": "pytorch" },
  ...{ ".keras": "unknown", ".h5": "unknown", ".hdf5": "unknown", ".tflite": "unknown" },
};

/** What a file is, by its first bytes; undefined: text, which may be a `model.json`. */
export function binaryFormat(path: string, bytes: Uint8Array): OtherFormat | "h5" | "keras" | undefined {
  if (bytes.length === 0) return "empty";
  const begin = Buffer.from(bytes.subarray(0, 8)).toString("latin1");
  if (begin === "\x89HDF\r\n\x1a\n") return "h5";
  if (begin.slice(4) === "TFL3") return "tflite";
  if (begin === "version ") return "lfs";
  const named = BY_EXTENSION[extname(path).toLowerCase()];
  if (begin.startsWith("PK\x03\x04") && named !== "pytorch") return "keras";
  if (named !== undefined) return named;
  if (basename(path) === "saved_model.pb") return "savedModel";
  return bytes.includes(0) ? "unknown" : undefined;
}

import { DEFAULT_HARD_SIGMOID_SLOPE } from "../../ops/activation.ts";
import type { ActivationName } from "../model-graph.ts";
import { attribute } from "./onnx-document.ts";
import { axisOf, type OpExport, type OpPlace, scalar, sharedLayout } from "./op-export.ts";

/** Writes a function of `x`; the last node computes `place.name`. */
type Write = (place: OpPlace<"activation">, x: string) => void;

const WRITE: Readonly<Record<Exclude<ActivationName, "softmax">, Write>> = {
  linear: one("Identity"),
  relu: one("Relu"),
  relu6: (place, x) => clipped(place, x, 6),
  sigmoid: one("Sigmoid"),
  tanh: one("Tanh"),
  swish: ({ document, name }, x) => {
    document.node("Mul", [x, document.node("Sigmoid", [x], document.helper(name, "gate"))], name);
  },
  hardSigmoid: ({ document, name, attributes: { slope = DEFAULT_HARD_SIGMOID_SLOPE } }, x) => {
    document.node("HardSigmoid", [x], name, { alpha: attribute.float(slope), beta: attribute.float(0.5) });
  },
  hardSwish: one("HardSwish"),
  leakyRelu: ({ document, name, attributes: { slope = 0 } }, x) => {
    document.node("LeakyRelu", [x], name, { alpha: attribute.float(slope) });
  },
  clippedRelu: (place, x) => clipped(place, x, place.attributes.most ?? 0),
  elu: one("Elu"),
  selu: one("Selu"),
  // As PyTorch's exporter writes it.
  gelu: (place, x) => {
    const { document, name } = place;
    const inner = document.node("Div", [x, scalar(place, "sqrt2", Math.SQRT2)], document.helper(name, "inner"));
    const error = document.node("Erf", [inner], document.helper(name, "error"));
    const moved = document.node("Add", [error, scalar(place, "one", 1)], document.helper(name, "moved"));
    const weighted = document.node("Mul", [x, moved], document.helper(name, "weighted"));
    document.node("Mul", [weighted, scalar(place, "half", 0.5)], name);
  },
  softplus: one("Softplus"),
  softsign: one("Softsign"),
};

export const activation: OpExport<"activation"> = (place) => {
  const layout = sharedLayout(place);
  const own = place.attributes.function;
  if (own === "softmax") {
    const { axis = place.outputShape.length - 1 } = place.attributes;
    place.document.node("Softmax", [place.as(layout)], place.name, { axis: attribute.int(axisOf(layout, axis)) });
  } else {
    WRITE[own](place, place.as(layout));
  }
  return layout;
};

function one(opType: string): Write {
  return ({ document, name }, x) => {
    document.node(opType, [x], name);
  };
}

function clipped(place: OpPlace<"activation">, x: string, most: number): void {
  place.document.node("Clip", [x, scalar(place, "least", 0), scalar(place, "most", most)], place.name);
}

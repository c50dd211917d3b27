import { EPSILON, type Item, ROWS, SCALING } from "./item.ts";
import type { OnnxGraph, OnnxNode } from "./onnx_encoder.ts";
import { hostTensor, operand, type Operands } from "./operands.ts";

/**
 * Gives an item as ONNX would have it: weights are part of the model, scale and
 * sum part of Gemm.
 *
 * @param item The item.
 * @param operands What it works on.
 * @returns The graph; undefined where gradients are wanted.
 */
export function onnxGraph(
  { kind, size }: Item,
  operands: Operands,
): OnnxGraph | undefined {
  const node = (
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Pick<OnnxNode, "integers" | "floats"> = {},
  ): OnnxNode => ({ operator, inputs, output, ...attributes });
  const constants = (...names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, operand(operands, name)]));
  const rows = { inputs: { x: [ROWS, size] }, outputs: { y: [ROWS, size] } };
  const normal = { integers: { axis: 1 }, floats: { epsilon: EPSILON } };
  switch (kind) {
    case "delta":
      return {
        ...rows,
        constants: constants("A", "B"),
        nodes: [
          node("MatMul", ["x", "A"], "hidden"),
          node("Gemm", ["hidden", "B"], "y", { floats: { alpha: SCALING } }),
        ],
      };
    case "linear":
      return {
        ...rows,
        constants: constants("A", "B", "W"),
        nodes: [
          node("MatMul", ["x", "W"], "base"),
          node("MatMul", ["x", "A"], "hidden"),
          node("Gemm", ["hidden", "B", "base"], "y", {
            floats: { alpha: SCALING, beta: 1 },
          }),
        ],
      };
    case "softmax":
      return {
        ...rows,
        constants: {},
        nodes: [node("Softmax", ["x"], "y", { integers: { axis: 1 } })],
      };
    case "layer_norm":
      return {
        ...rows,
        constants: constants("weight", "bias"),
        nodes: [
          node("LayerNormalization", ["x", "weight", "bias"], "y", normal),
        ],
      };
    case "rms_norm":
      return {
        ...rows,
        constants: constants("weight"),
        nodes: [
          node("SimplifiedLayerNormalization", ["x", "weight"], "y", normal),
        ],
      };
    case "matmul":
      return {
        inputs: { a: [size, size], b: [size, size] },
        outputs: { y: [size, size] },
        constants: {},
        nodes: [node("MatMul", ["a", "b"], "y")],
      };
    case "chain": {
      const number = (value: number) => {
        const { values, shape } = hostTensor([], 1);
        values[0] = value;
        return { values, shape };
      };
      const { shape } = operand(operands, "x");
      return {
        inputs: { x: shape },
        outputs: { y: shape },
        constants: {
          slope: number(1.5),
          offset: number(0.25),
          one: number(1),
          half: number(0.5),
        },
        nodes: [
          node("Mul", ["x", "slope"], "sloped"),
          node("Add", ["sloped", "offset"], "shifted"),
          node("Tanh", ["shifted"], "bent"),
          node("Mul", ["bent", "x"], "inner"),
          node("Exp", ["inner"], "power"),
          node("Add", ["power", "one"], "more"),
          node("Sqrt", ["more"], "root"),
          node("Mul", ["root", "half"], "y"),
        ],
      };
    }
    case "gradient":
    case "sgd":
    case "adamw":
      return undefined;
  }
}

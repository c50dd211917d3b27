// deno-lint-ignore-file camelcase -- the names of golden data are PyTorch's
import type { Device } from "@wick/async-exec";
import {
  abs,
  add,
  amax,
  amin,
  argmax,
  attention,
  concat,
  cos,
  crossEntropy,
  div,
  embedding,
  equal,
  erf,
  exp,
  floor,
  gelu,
  geluTanh,
  greater,
  greaterEqual,
  layerNorm,
  less,
  lessEqual,
  log,
  logSoftmax,
  loraLinear,
  matmul,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  notEqual,
  reciprocal,
  type ReduceOptions,
  relu,
  reshape,
  rmsNorm,
  rope,
  ropeTable,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  transpose,
  where,
} from "@wick/core-tensor";
import type { Params } from "./params.ts";

/** What a golden operation is given. */
export interface OperationCall {
  /** The operands by name, in the order of the manifest. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** The options of the case. */
  readonly params: Params;
  /** What computes. */
  readonly device: Device;
}

/** Records a golden operation with Wick's. */
export type GoldenOperation = (call: OperationCall) => Tensor;

/** How Wick does each operation that golden data may name. */
export const OPERATIONS: Readonly<Record<string, GoldenOperation>> = {
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  maximum: binary(maximum),
  minimum: binary(minimum),
  equal: binary(equal),
  not_equal: binary(notEqual),
  less: binary(less),
  less_equal: binary(lessEqual),
  greater: binary(greater),
  greater_equal: binary(greaterEqual),
  abs: unary(abs),
  cos: unary(cos),
  erf: unary(erf),
  exp: unary(exp),
  floor: unary(floor),
  gelu: unary(gelu),
  gelu_tanh: unary(geluTanh),
  log: unary(log),
  neg: unary(neg),
  reciprocal: unary(reciprocal),
  relu: unary(relu),
  rsqrt: unary(rsqrt),
  sigmoid: unary(sigmoid),
  sign: unary(sign),
  silu: unary(silu),
  sin: unary(sin),
  sqrt: unary(sqrt),
  square: unary(square),
  tanh: unary(tanh),
  matmul: binary(matmul),
  matmul_transposed_rhs: binary((a, b) => matmul(a, transpose(b))),
  softmax: ({ inputs, params }) => softmax(first(inputs), params.axis()),
  log_softmax: ({ inputs, params }) => logSoftmax(first(inputs), params.axis()),
  layer_norm: ({ inputs, params }) =>
    layerNorm(first(inputs), inputs.get("weight"), inputs.get("bias"), {
      eps: params.number("eps", 1e-5),
    }),
  rms_norm: ({ inputs, params }) =>
    rmsNorm(first(inputs), inputs.get("weight"), {
      eps: params.number("eps", 1e-6),
    }),
  sum: reduction(sum),
  mean: reduction(mean),
  amax: reduction(amax),
  amin: reduction(amin),
  argmax: ({ inputs, params }) => {
    const axis = params.axisOrAll();
    const x = first(inputs);
    const keepDimensions = params.boolean("keepdim", false);
    return axis === undefined
      ? argmax(reshape(x, [-1]), 0)
      : argmax(x, axis, { keepDimensions });
  },
  transpose: ({ inputs, params }) =>
    transpose(first(inputs), params.numbers("permutation")),
  reshape: ({ inputs, params }) =>
    reshape(first(inputs), params.numbers("shape")),
  slice: ({ inputs, params }) =>
    slice(first(inputs), params.numbers("start"), params.numbers("end")),
  concat: ({ inputs, params }) => concat([...inputs.values()], params.axis()),
  where: ({ inputs }) =>
    where(
      operand(inputs, "condition"),
      operand(inputs, "a"),
      operand(inputs, "b"),
    ),
  embedding: ({ inputs }) =>
    embedding(operand(inputs, "weight"), operand(inputs, "ids")),
  cross_entropy: ({ inputs, params }) =>
    crossEntropy(operand(inputs, "logits"), operand(inputs, "labels"), {
      ignoreIndex: params.number("ignore_index", -100),
      labelSmoothing: params.number("label_smoothing", 0),
      reduction: params.choice("reduction", ["mean", "sum", "none"], "mean"),
    }),
  rope: rotate,
  scaled_dot_product_attention: ({ inputs, params }) =>
    headsBeforeLength(
      attention(
        headsBeforeLength(operand(inputs, "q")),
        headsBeforeLength(operand(inputs, "k")),
        headsBeforeLength(operand(inputs, "v")),
        { causal: params.boolean("causal", false) },
      ),
    ),
  lora_linear: ({ inputs, params }) => {
    const bias = inputs.get("bias");
    return loraLinear(
      operand(inputs, "x"),
      operand(inputs, "weight"),
      transpose(operand(inputs, "lora_a")),
      transpose(operand(inputs, "lora_b")),
      {
        scaling: params.number("alpha") / params.number("rank"),
        ...(bias && { bias }),
      },
    );
  },
};

/** Golden heads lie `[batch, heads, length, headDim]`, Wick's after length. */
function headsBeforeLength(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1, 3]);
}

function rotate({ inputs, params, device }: OperationCall): Tensor {
  params.choice("layout", ["rotate_half"], "rotate_half");
  const x = headsBeforeLength(operand(inputs, "x"));
  const [batch = 0, length = 0, , headDim = 0] = x.shape;
  const theta = params.number("theta");
  const offset = params.number("offset", 0);
  const frequencies = Float64Array.from(
    { length: headDim / 2 },
    (_, i) => theta ** (-2 * i / headDim),
  );
  const table = device.tensor(ropeTable(frequencies, length + offset), {
    shape: [length + offset, headDim / 2, 2],
  });
  const positions = new Int32Array(batch).fill(offset);
  return headsBeforeLength(rope(x, table, device.tensor(positions)));
}

function unary(apply: (x: Tensor) => Tensor): GoldenOperation {
  return ({ inputs }) => apply(first(inputs));
}

function binary(apply: (a: Tensor, b: Tensor) => Tensor): GoldenOperation {
  return ({ inputs }) => apply(operand(inputs, "a"), operand(inputs, "b"));
}

function reduction(
  apply: (
    x: Tensor,
    axes: number | undefined,
    options: ReduceOptions,
  ) => Tensor,
): GoldenOperation {
  return ({ inputs, params }) =>
    apply(first(inputs), params.axisOrAll(), {
      keepDimensions: params.boolean("keepdim", false),
    });
}

function first(inputs: ReadonlyMap<string, Tensor>): Tensor {
  const [x] = inputs.values();
  if (!x) throw new RangeError("Cannot run the operation: it has no inputs");
  return x;
}

function operand(inputs: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = inputs.get(name);
  if (!tensor) {
    throw new RangeError(
      `Cannot run the operation: it has no input "${name}", only ${
        [...inputs.keys()].join(", ")
      }`,
    );
  }
  return tensor;
}

import {
  type DeviceTraits,
  type KernelOperand,
  type Operation,
  rowMajorView,
} from "@wick/core-tensor";
import {
  ATTENTION,
  ATTENTION_KEY_VALUE_GRADIENT,
  ATTENTION_QUERY_GRADIENT,
  ATTENTION_STATISTICS,
} from "@wick/core-tensor/ops";
import { joinKernels, kernelSource } from "@wick/kernels-wgsl";
import { assert } from "@std/assert";

const TOKENS = 130;
const HEADS = 4;
const ATTRIBUTES = { causal: true, scale: 1 };

function operand(...shape: number[]): KernelOperand {
  return { dtype: "f32", view: rowMajorView(shape) };
}

function operandsOf(headDim: number): Map<Operation, KernelOperand[]> {
  const q = operand(1, TOKENS, HEADS, headDim);
  const k = operand(1, TOKENS, 2, headDim);
  const limits: KernelOperand = { ...operand(1), dtype: "i32" };
  const each = operand(1, TOKENS, HEADS);
  const gradient = [q, k, k, limits, q, each, each];
  return new Map<Operation, KernelOperand[]>([
    [ATTENTION as Operation, [q, k, k, limits]],
    [ATTENTION_STATISTICS as Operation, [q, k, limits]],
    [ATTENTION_QUERY_GRADIENT as Operation, gradient],
    [ATTENTION_KEY_VALUE_GRADIENT as Operation, gradient],
  ]);
}

/** The memory and threads that GPUs have: at least, a Mac's, an NVIDIA's. */
const LIMITS = [[16, 256], [32, 1024], [48, 1024]] as const;

for (const [kib, maxWorkgroupThreads] of LIMITS) {
  Deno.test(`every attention for a GPU of ${kib} KiB fits`, () => {
    const traits: DeviceTraits = {
      ...{ adapterClass: "gpu", maxStorageBuffers: 16, maxWorkgroupThreads },
      maxWorkgroupBytes: 1024 * kib,
    };
    for (const headDim of [4, 16, 20, 32, 64, 80, 96, 128, 256]) {
      for (const [operation, inputs] of operandsOf(headDim)) {
        const callWith = (tuned: ReadonlyMap<string, string>) =>
          operation.kernel!({
            ...{ attributes: ATTRIBUTES, inputs },
            output: operation.infer(
              inputs.map(({ dtype, view: { shape } }) => ({ dtype, shape })),
              ATTRIBUTES,
            ),
            device: { ...traits, tuned },
          });
        const { tuning } = callWith(new Map());
        for (const choice of tuning?.choices ?? [""]) {
          const call = callWith(new Map([[tuning?.key ?? "", choice]]));
          const { kernel, sizes, types = {}, hooks = {} } = call;
          const text = kernelSource(kernel, { sizes, types, hooks });
          const buffers = text.match(/@binding/g)!.map((_, i) => i);
          const part = { text, buffers, workgroups: [1, 1, 1] } as const;
          const joined = joinKernels([[part]], traits.maxWorkgroupBytes);
          const name = `${kernel} of ${headDim}, ${choice}`;
          assert(joined, `${name} needs more workgroup memory`);
          const threads = /@workgroup_size\((\d+)\)/.exec(joined.text)![1];
          assert(Number(threads) <= maxWorkgroupThreads, `${name}: ${threads}`);
        }
      }
    }
  });
}

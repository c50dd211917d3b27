// What the tests of the matrix kernels share; it has no test of its own.
import {
  type MatmulOperand,
  type MatmulRequest,
  type MatmulType,
  type MatmulVariant,
  matmulVariant,
} from "@wick/core-tensor";
import { kernelSource } from "@wick/kernels-wgsl";
import { assertClose, random } from "@wick/testing";
import { packHalves } from "../float_bits.ts";

let opened: Promise<GPUDevice> | undefined;

/** One device for the file: opening takes longer than most tests. */
function openGpu(): Promise<GPUDevice> {
  const open = async (): Promise<GPUDevice> => {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error("Cannot find a WebGPU adapter");
    const {
      maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX,
      maxComputeWorkgroupStorageSize,
    } = adapter.limits;
    const request = (...requiredFeatures: GPUFeatureName[]) =>
      adapter.requestDevice({
        requiredFeatures,
        requiredLimits: {
          maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupSizeX,
          maxComputeWorkgroupStorageSize,
        },
      });
    return await request("subgroups").catch(() => request());
  };
  return opened ??= open();
}

/** The lanes of a subgroup, where kernels can use them. */
export async function subgroupSize(): Promise<number | undefined> {
  const { features, adapterInfo } = await openGpu();
  const { subgroupMinSize, subgroupMaxSize } = adapterInfo;
  return features.has("subgroups") && subgroupMinSize === subgroupMaxSize
    ? subgroupMaxSize
    : undefined;
}

/** Runs a kernel over buffers, the result's last. */
export async function runKernel(
  text: string,
  operands: readonly ArrayBufferView<ArrayBuffer>[],
  count: number,
  workgroups: number,
): Promise<Float32Array> {
  const device = await openGpu();
  device.pushErrorScope("validation");
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const size = Math.max(16, Math.ceil(count / 4) * 16);
  const buffers = operands.map((values) => {
    const bytes = Math.max(16, values.byteLength);
    const buffer = device.createBuffer({
      size: bytes,
      usage: STORAGE | COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  });
  const out = device.createBuffer({ size, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: text }) },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const layout = pipeline.getBindGroupLayout(0);
  const entries = [...buffers, out].map((buffer, binding) => ({
    binding,
    resource: { buffer },
  }));
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  // Over x and y, as the executor does where there are many.
  pass.dispatchWorkgroups(Math.ceil(workgroups / 2), 2);
  pass.end();
  encoder.copyBufferToBuffer(out, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(`Cannot run the kernel: ${error.message}`);
  await staging.mapAsync(GPUMapMode.READ);
  const result = new Float32Array(staging.getMappedRange().slice(0));
  for (const buffer of [...buffers, out, staging]) buffer.destroy();
  return result.subarray(0, count);
}

/** An operand with values: `elements` of them from its seed. */
export interface Filled extends MatmulOperand {
  readonly values: Float64Array;
  readonly words: ArrayBufferView<ArrayBuffer>;
}

export function filled(
  operand: MatmulOperand & { readonly dtype: MatmulType },
  elements: number,
  seed: number,
): Filled {
  const { values } = random([elements + 1], seed, { dtype: operand.dtype });
  const floats = Float32Array.from(values);
  const words = operand.dtype === "f32"
    ? floats
    : packHalves(floats, operand.dtype);
  return { ...operand, values, words };
}

/** A dense matrix, or batch of matrices, transposed or not. */
export function dense(
  lead: readonly number[],
  rows: number,
  columns: number,
  seed: number,
  { transposed = false, dtype = "f32", offset = 0 }: {
    transposed?: boolean;
    dtype?: MatmulType;
    offset?: number;
  } = {},
): Filled {
  const strides = transposed ? [1, rows] : [columns, 1];
  let elements = rows * columns;
  for (const size of lead.toReversed()) {
    // A size below zero is that of an axis that repeats.
    strides.unshift(size < 0 ? 0 : elements);
    elements *= Math.max(size, 1);
  }
  return filled({ dtype, offset, strides }, offset + elements, seed);
}

/** Sums of one product at a batch index, in float64. */
function element(
  a: Filled,
  b: Filled,
  at: readonly number[],
  row: number,
  column: number,
  k: number,
): number {
  const start = ({ offset, strides }: Filled): number =>
    at.reduce((sum, index, axis) => sum + index * strides[axis]!, offset);
  let from = start(a) + row * a.strides.at(-2)!;
  let to = start(b) + column * b.strides.at(-1)!;
  let sum = 0;
  for (let inner = 0; inner < k; inner++) {
    sum += a.values[from]! * b.values[to]!;
    from += a.strides.at(-1)!;
    to += b.strides.at(-2)!;
  }
  return sum;
}

export interface Product {
  readonly batch?: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Filled;
  readonly b: Filled;
  readonly joint?: {
    readonly rank: number;
    readonly scale: number;
    readonly c: Filled;
    readonly d: Filled;
  };
}

export function want(
  { batch = [], m, n, k, a, b, joint }: Product,
): Float64Array {
  const matrices = batch.reduce((product, size) => product * size, 1);
  const values = new Float64Array(matrices * m * n);
  for (let i = 0; i < values.length; i++) {
    let matrix = Math.floor(i / (m * n));
    const at = batch.toReversed().map((size) => {
      const index = matrix % size;
      matrix = Math.floor(matrix / size);
      return index;
    }).reverse();
    const [row, column] = [Math.floor(i / n) % m, i % n];
    values[i] = element(a, b, at, row, column, k);
    if (!joint) continue;
    const { c, d, rank, scale } = joint;
    values[i]! += scale * element(c, d, at, row, column, rank);
  }
  return values;
}

/** Sums of k terms below 1: rounding adds up to a few units of 24 bits each. */
export function tolerance(
  { k, joint }: Product,
): { rtol: number; atol: number } {
  const terms = k + (joint ? joint.rank * Math.abs(joint.scale) : 0);
  return { rtol: 1e-5, atol: (terms + 4) * 2 ** -22 };
}

/** What a product is asked for besides its operands. */
export type Asked = Omit<MatmulRequest, keyof Product>;

export async function check(
  product: Product,
  asked: Asked,
): Promise<MatmulVariant> {
  const variant = matmulVariant({ ...product, ...asked });
  const { kernel, workgroups, ...options } = variant;
  const { a, b, joint } = product;
  const words = [a, b, ...joint ? [joint.c, joint.d] : []].map((operand) =>
    operand.words
  );
  const expected = want(product);
  const text = kernelSource(kernel, options);
  const got = await runKernel(text, words, expected.length, workgroups);
  assertClose(got, expected, tolerance(product));
  return variant;
}

/** Checks the variants for a product whose names match a pattern. */
export async function checkAll(
  product: Product,
  pattern: RegExp,
  asked: Asked = { adapterClass: "gpu" },
): Promise<void> {
  const { limits } = await openGpu();
  const options = {
    maxWorkgroupThreads: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    ...asked,
  };
  const { tuning } = matmulVariant({ ...product, ...options });
  const names = tuning!.choices.filter((name) => pattern.test(name));
  for (const name of names) {
    const tuned = new Map([[tuning!.key, name]]);
    const variant = await check(product, { ...options, tuned });
    if (variant.tuning?.choice !== name) {
      throw new Error(`${variant.tuning?.choice} was taken for ${name}`);
    }
  }
  if (names.length === 0) throw new Error(`No variant is like ${pattern}`);
}

import { EPSILON, type Item, LEARNING_RATE, SCALING } from "./item.ts";
import { peerPath, peerVersion, requirePeer } from "./modules.ts";
import { operand } from "./operands.ts";
import type { Peer, Work } from "./peer.ts";

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Unary = (x: TfTensor) => TfTensor;
type Binary = (a: TfTensor, b: TfTensor) => TfTensor;

/** What is used of TensorFlow.js. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  backend(): Record<string, unknown>;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  scalar(value: number): TfTensor;
  keep(tensor: TfTensor): TfTensor;
  tidy<Result>(compute: () => Result): Result;
  dispose(tensors: readonly TfTensor[]): void;
  variable(initial: TfTensor): TfTensor;
  grads(compute: Binary): (operands: readonly TfTensor[]) => TfTensor[];
  readonly train: {
    sgd(rate: number): Optimizer;
    adam(rate: number): Optimizer;
  };
  moments(
    x: TfTensor,
    axis: number,
    keep: boolean,
  ): { readonly mean: TfTensor; readonly variance: TfTensor };
  batchNorm(
    x: TfTensor,
    mean: TfTensor,
    variance: TfTensor,
    offset: TfTensor,
    scale: TfTensor,
    epsilon: number,
  ): TfTensor;
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  softmax(x: TfTensor, axis: number): TfTensor;
  mean(x: TfTensor, axis?: number, keep?: boolean): TfTensor;
  readonly matMul: Binary;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly squaredDifference: Binary;
  readonly square: Unary;
  readonly sqrt: Unary;
  readonly rsqrt: Unary;
  readonly exp: Unary;
  readonly tanh: Unary;
}

interface Optimizer {
  minimize(
    loss: () => TfTensor,
    returnCost: true,
    variables: readonly TfTensor[],
  ): TfTensor;
}

type Tensors = Record<string, TfTensor>;

/**
 * Gets TensorFlow.js ready: all of it, since its core alone has no gradients.
 *
 * @param backend Its backend.
 * @returns The peer.
 */
export async function tensorflowPeer(
  backend: "webgpu" | "wasm" | "cpu",
): Promise<Peer> {
  const tf = requirePeer<TensorFlow>("@tensorflow/tfjs");
  if (backend === "webgpu") {
    requirePeer<unknown>("@tensorflow/tfjs-backend-webgpu");
  }
  if (backend === "wasm") {
    const name = "@tensorflow/tfjs-backend-wasm";
    requirePeer<{ setWasmPaths(path: string): void }>(name)
      .setWasmPaths(`${peerPath(name)}/dist/`);
  }
  if (!await tf.setBackend(backend)) {
    throw new TypeError(`Cannot use ${backend} in TensorFlow.js`);
  }
  await tf.ready();
  const gpu = backend === "webgpu";
  return {
    version: peerVersion("@tensorflow/tfjs"),
    gpu,
    prepare(item, operands) {
      const tensors: Tensors = {};
      for (const [name, { shape, values }] of Object.entries(operands)) {
        tensors[name] = tf.tensor(values, shape);
      }
      const work = item.kind === "adamw"
        ? "Adam without decoupled decay"
        : item.kind === "sgd"
        ? training(tf, tensors)
        : inference(tf, item, tensors, gpu);
      return Promise.resolve(
        typeof work === "string" || !gpu
          ? work
          : { ...work, flush: () => flush(tf.backend()) },
      );
    },
  };
}

/** Up to 15 dispatches wait in an open pass: this hands them to the GPU. */
function flush(backend: Record<string, unknown>): void {
  if (!backend["commandEncoder"]) return;
  for (const name of ["endComputePassEncoder", "submitQueue"]) {
    const method = backend[name];
    if (typeof method === "function") method.call(backend);
  }
}

function inference(
  tf: TensorFlow,
  item: Item,
  tensors: Tensors,
  gpu: boolean,
): Work {
  const compute = computation(tf, item, tensors, gpu);
  let results: readonly TfTensor[] = [];
  return {
    start() {
      const made = tf.tidy(compute);
      tf.dispose(results);
      results = made;
    },
    read: () => Promise.all(results.map((result) => result.data())),
    close: () => tf.dispose([...results, ...Object.values(tensors)]),
  };
}

function computation(
  tf: TensorFlow,
  { kind, size }: Item,
  tensors: Tensors,
  gpu: boolean,
): () => TfTensor[] {
  const of = (name: string) => operand(tensors, name);
  const { add, mul, matMul, sub, rsqrt } = tf;
  // Constants stay on the device.
  const constant = (value: number) => tf.keep(tf.scalar(value));
  switch (kind) {
    case "delta": {
      const forward = deltaOf(tf, tensors);
      return () => [forward(of("A"), of("B"))];
    }
    case "linear": {
      const forward = linearOf(tf, tensors);
      return () => [forward(of("A"), of("B"))];
    }
    case "gradient": {
      const slopes = tf.grads(lossOf(tf, tensors));
      return () => slopes([of("A"), of("B")]);
    }
    case "softmax":
      return () => [tf.softmax(of("x"), -1)];
    case "layer_norm": {
      const epsilon = constant(EPSILON);
      // As its layers do it; the other backends do not broadcast in batchNorm.
      return () => {
        const { mean, variance } = tf.moments(of("x"), -1, true);
        if (!gpu) {
          const scale = rsqrt(add(variance, epsilon));
          const normal = mul(sub(of("x"), mean), scale);
          return [add(mul(normal, of("weight")), of("bias"))];
        }
        const bias = tf.reshape(of("bias"), [1, size]);
        const weight = tf.reshape(of("weight"), [1, size]);
        return [
          tf.batchNorm(of("x"), mean, variance, bias, weight, EPSILON),
        ];
      };
    }
    case "rms_norm": {
      const epsilon = constant(EPSILON);
      return () => {
        const mean = tf.mean(tf.square(of("x")), -1, true);
        return [mul(mul(of("x"), rsqrt(add(mean, epsilon))), of("weight"))];
      };
    }
    case "matmul":
      return () => [matMul(of("a"), of("b"))];
    case "chain": {
      const [slope, offset] = [constant(1.5), constant(0.25)];
      const [one, half] = [constant(1), constant(0.5)];
      return () => {
        const x = of("x");
        const inner = mul(tf.tanh(add(mul(x, slope), offset)), x);
        return [mul(tf.sqrt(add(tf.exp(inner), one)), half)];
      };
    }
    case "sgd":
    case "adamw":
      throw new RangeError(`Cannot compute ${kind} without a state`);
  }
}

function deltaOf(tf: TensorFlow, tensors: Tensors): Binary {
  const x = operand(tensors, "x");
  const scaling = tf.keep(tf.scalar(SCALING));
  return (a, b) => tf.matMul(tf.mul(tf.matMul(x, a), scaling), b);
}

function linearOf(tf: TensorFlow, tensors: Tensors): Binary {
  const [x, w] = [operand(tensors, "x"), operand(tensors, "W")];
  const delta = deltaOf(tf, tensors);
  return (a, b) => tf.add(tf.matMul(x, w), delta(a, b));
}

function lossOf(tf: TensorFlow, tensors: Tensors): Binary {
  const target = operand(tensors, "target");
  const forward = linearOf(tf, tensors);
  return (a, b) => tf.mean(tf.squaredDifference(forward(a, b), target));
}

function training(tf: TensorFlow, tensors: Tensors): Work {
  const a = tf.variable(operand(tensors, "A"));
  const b = tf.variable(operand(tensors, "B"));
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const computeLoss = lossOf(tf, tensors);
  let loss: TfTensor | undefined;
  return {
    start() {
      const made = optimizer.minimize(() => computeLoss(a, b), true, [a, b]);
      loss?.dispose();
      loss = made;
    },
    read: async () => [await loss!.data()],
    state: () => Promise.all([a.data(), b.data()]),
    close: () => tf.dispose([a, b, loss!, ...Object.values(tensors)]),
  };
}

import { EPSILON, type Item, LEARNING_RATE, SCALING } from "./item.ts";
import { importPeer, peerVersion } from "./modules.ts";
import { operand, type Operands } from "./operands.ts";
import type { Peer, Work } from "./peer.ts";

/** What is used of an array of jax-js. A call takes its operands away. */
interface JaxArray {
  /** The same array for one more taker. */
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  mean(axis?: number, options?: { keepdims: boolean }): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  gpuBufferSync(): GPUBuffer;
  dataSync(): Float32Array;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Compute = (...operands: JaxArray[]) => JaxArray;
type ComputeMany = (...operands: JaxArray[]) => JaxArray[];

interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): void;
  jit<Function>(compute: Function): Function;
  grad(compute: Compute, options: { argnums: number[] }): ComputeMany;
  valueAndGrad(
    compute: Compute,
    options: { argnums: number[] },
  ): (...operands: JaxArray[]) => [JaxArray, JaxArray[]];
  readonly nn: {
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(
      x: JaxArray,
      axis: number,
      options: { epsilon: number },
    ): JaxArray;
  };
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    exp(x: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
  };
}

/**
 * Gets jax-js ready.
 *
 * @param device Its device.
 * @param compiled Whether functions go through `jit`.
 * @returns The peer.
 */
export async function jaxPeer(
  device: "webgpu" | "wasm",
  compiled: boolean,
): Promise<Peer> {
  const jax = await importPeer<Jax>("@jax-js/jax/dist/index.js");
  const devices = await jax.init(device);
  if (!devices.includes(device)) {
    throw new TypeError(`Cannot use ${device} in jax-js: it has ${devices}`);
  }
  jax.defaultDevice(device);
  const gpu = device === "webgpu";
  // Sends off what is pending and waits for nothing.
  const send = (array: JaxArray): void => {
    if (gpu) array.ref.gpuBufferSync();
    else array.ref.dataSync();
  };
  return {
    version: peerVersion("@jax-js/jax"),
    gpu,
    async prepare(item, operands) {
      if (item.kind === "adamw") return "no AdamW";
      const arrays: Record<string, JaxArray> = {};
      for (const [name, { shape, values }] of Object.entries(operands)) {
        const array = jax.numpy.array(values.slice()).reshape(shape);
        await array.ref.blockUntilReady();
        arrays[name] = array;
      }
      return item.kind === "sgd"
        ? training(jax, arrays, compiled, send)
        : inference(jax, item, arrays, compiled, send);
    },
  };
}

type Arrays = Record<string, JaxArray>;

function inference(
  jax: Jax,
  item: Item,
  arrays: Arrays,
  compiled: boolean,
  send: (array: JaxArray) => void,
): Work {
  const { compute, names } = computation(jax, item, arrays);
  const call = compiled ? jax.jit(compute) : compute;
  const operands = names.map((name) => operand(arrays, name));
  let results: JaxArray[] = [];
  const dispose = () => results.forEach((result) => result.dispose());
  return {
    start() {
      const made = call(...operands.map(({ ref }) => ref));
      made.forEach(send);
      dispose();
      results = made;
    },
    read: () => Promise.all(results.map(({ ref }) => ref.data())),
    close: dispose,
  };
}

function computation(
  jax: Jax,
  { kind }: Item,
  arrays: Operands | Arrays,
): { readonly compute: ComputeMany; readonly names: readonly string[] } {
  const { numpy: { matmul, square, sqrt, exp, tanh }, nn } = jax;
  const names = Object.keys(arrays);
  const one = (compute: Compute): ComputeMany => (...all) => [compute(...all)];
  switch (kind) {
    case "delta":
      return {
        names,
        compute: one((x, a, b) => matmul(matmul(x!, a!).mul(SCALING), b!)),
      };
    case "linear":
      return { names: ["A", "B", "x", "W"], compute: one(linear(jax)) };
    case "gradient":
      return {
        names: ["A", "B", "x", "W", "target"],
        compute: jax.grad(meanSquaredError(jax), { argnums: [0, 1] }),
      };
    case "softmax":
      return { names, compute: one((x) => nn.softmax(x!, -1)) };
    case "layer_norm":
      return {
        names,
        compute: one((x, weight, bias) =>
          nn.standardize(x!, -1, { epsilon: EPSILON }).mul(weight!).add(bias!)
        ),
      };
    case "rms_norm":
      return {
        names,
        compute: one((x, weight) => {
          const mean = square(x!.ref).mean(-1, { keepdims: true });
          return x!.div(sqrt(mean.add(EPSILON))).mul(weight!);
        }),
      };
    case "matmul":
      return { names, compute: one((a, b) => matmul(a!, b!)) };
    case "chain":
      return {
        names,
        compute: one((x) => {
          const inner = tanh(x!.ref.mul(1.5).add(0.25)).mul(x!);
          return sqrt(exp(inner).add(1)).mul(0.5);
        }),
      };
    case "sgd":
    case "adamw":
      throw new RangeError(`Cannot compute ${kind} without a state`);
  }
}

/** Of A, B, x and W. */
function linear({ numpy: { matmul } }: Jax): Compute {
  return (a, b, x, w) =>
    matmul(x!.ref, w!).add(matmul(matmul(x!, a!).mul(SCALING), b!));
}

/** Of A, B, x, W and the target. */
function meanSquaredError(jax: Jax): Compute {
  const forward = linear(jax);
  return (a, b, x, w, target) =>
    jax.numpy.square(forward(a!, b!, x!, w!).sub(target!)).mean();
}

function training(
  jax: Jax,
  arrays: Arrays,
  compiled: boolean,
  send: (array: JaxArray) => void,
): Work {
  const [x, w, target] = ["x", "W", "target"].map((name) =>
    operand(arrays, name)
  );
  let [a, b] = [operand(arrays, "A"), operand(arrays, "B")];
  let loss: JaxArray | undefined;
  const slopes = jax.valueAndGrad(meanSquaredError(jax), { argnums: [0, 1] });
  const step = (...[a, b, x, w, target]: JaxArray[]): JaxArray[] => {
    const [loss, [dA, dB]] = slopes(a!.ref, b!.ref, x!, w!, target!);
    return [
      loss,
      a!.sub(dA!.mul(LEARNING_RATE)),
      b!.sub(dB!.mul(LEARNING_RATE)),
    ];
  };
  const call = compiled ? jax.jit(step) : step;
  return {
    start() {
      const [next, newA, newB] = call(a, b, x!.ref, w!.ref, target!.ref);
      [a, b] = [newA!, newB!];
      [a, b, next!].forEach(send);
      loss?.dispose();
      loss = next!;
    },
    read: async () => [await loss!.ref.data()],
    state: () => Promise.all([a, b].map(({ ref }) => ref.data())),
    close: () => [a, b, loss!].forEach((array) => array.dispose()),
  };
}

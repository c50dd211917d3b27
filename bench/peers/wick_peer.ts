import { type Device, openDevice } from "@wick/async-exec";
import {
  accumulate,
  add,
  exp,
  layerNorm,
  loraLinear,
  matmul,
  mean,
  mul,
  rmsNorm,
  softmax,
  sqrt,
  square,
  sub,
  tanh,
  type Tensor,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { AdamW } from "@wick/training";
import {
  EPSILON,
  type Item,
  type ItemKind,
  LEARNING_RATE,
  SCALING,
} from "./item.ts";
import { operand, type Operands } from "./operands.ts";
import type { Peer, Work } from "./peer.ts";

/** How Wick is run. */
export interface WickPeerOptions {
  /** Its device. */
  readonly device: "webgpu" | "cpu";
  /** Whether operations are evaluated one by one. */
  readonly eager?: boolean;
  /** Whether the work is captured once and replayed. */
  readonly captured?: boolean;
  /** Whether the CPU device may use a BLAS. */
  readonly blas?: boolean;
}

type Tensors = Readonly<Record<string, Tensor>>;

/** Items that ask for gradients, which eager evaluations then remember. */
const TRAINED: ReadonlySet<ItemKind> = new Set(["gradient", "sgd", "adamw"]);

/** Records what an evaluation gives, anew each time. */
type Recorder = () => readonly Tensor[];

/**
 * Gets Wick ready.
 *
 * @param options How it is run.
 * @returns The peer.
 */
export async function wickPeer(options: WickPeerOptions): Promise<Peer> {
  const { device: name, eager = false, captured = false, blas = false } =
    options;
  const lazy = await openDevice({ device: name, blas, announce: false });
  const device = eager ? lazy.eager : lazy;
  return {
    version: lazy.description,
    gpu: name === "webgpu",
    prepare(item, operands) {
      const tensors = tensorsOf(device, item, operands);
      const { record, state, close } = workOf(device, item, tensors);
      const work = captured
        ? replayed(device, record)
        : evaluated(device, record);
      const whole: Work = {
        ...work,
        ...(state && { state: () => read(state) }),
        flush: () => device.backend.flush(),
        close() {
          work.close?.();
          close?.();
          for (const tensor of Object.values(tensors)) tensor.dispose();
        },
      };
      return Promise.resolve(whole);
    },
  };
}

function tensorsOf(device: Device, item: Item, operands: Operands): Tensors {
  const entries = Object.entries(operands).map(([name, value]) => {
    const { shape, values } = value;
    // Weights lie as in the files of models, `[out, in]`.
    const laid = name === "W" ? turnedOver(values, item.size) : values;
    const trainable = TRAINED.has(item.kind) && (name === "A" || name === "B");
    return [name, device.tensor(laid, { shape, trainable })] as const;
  });
  return Object.fromEntries(entries);
}

function turnedOver(values: Float32Array, size: number): Float32Array {
  return values.map((_, i) => values[i % size * size + Math.floor(i / size)]!);
}

function evaluated(device: Device, record: Recorder): Work {
  let results: readonly Tensor[] = [];
  const dispose = () => results.forEach((result) => result.dispose());
  return {
    start() {
      const made = record();
      device.evaluate(made);
      dispose();
      results = made;
    },
    read: () => read(results),
    close: dispose,
  };
}

function replayed(device: Device, record: Recorder): Work {
  const results = record();
  const capture = device.capture(results);
  return {
    start: () => capture.run(),
    read: () => read(results),
    close() {
      capture[Symbol.dispose]();
      results.forEach((result) => result.dispose());
    },
  };
}

function read(tensors: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  return Promise.all(tensors.map((tensor) => tensor.data()));
}

interface Recorded {
  readonly record: Recorder;
  readonly state?: readonly Tensor[];
  readonly close?: () => void;
}

function workOf(device: Device, item: Item, tensors: Tensors): Recorded {
  const of = (name: string) => operand(tensors, name);
  const x = tensors["x"]!;
  switch (item.kind) {
    case "delta":
      return {
        record: () => [matmul(mul(matmul(x, of("A")), SCALING), of("B"))],
      };
    case "linear":
      return { record: () => [linear(tensors)] };
    case "gradient":
      return {
        record: () => {
          const slopes = gradients(lossOf(tensors), [of("A"), of("B")]);
          return slopes.map((slope) => slope!);
        },
      };
    case "sgd":
      return {
        state: [of("A"), of("B")],
        record: () => {
          const loss = lossOf(tensors);
          const both = [of("A"), of("B")];
          const slopes = gradients(loss, both);
          const updated = both.map((parameter, index) =>
            accumulate(parameter, mul(slopes[index]!, -LEARNING_RATE))
          );
          return [loss, ...updated];
        },
      };
    case "adamw":
      return adamw(device, tensors);
    case "softmax":
      return { record: () => [softmax(x, -1)] };
    case "layer_norm":
      return {
        record: () => [
          layerNorm(x, of("weight"), of("bias"), { eps: EPSILON }),
        ],
      };
    case "rms_norm":
      return { record: () => [rmsNorm(x, of("weight"), { eps: EPSILON })] };
    case "matmul":
      return { record: () => [matmul(of("a"), of("b"))] };
    case "chain":
      return {
        record: () => {
          const inner = mul(tanh(add(mul(x, 1.5), 0.25)), x);
          return [mul(sqrt(add(exp(inner), 1)), 0.5)];
        },
      };
  }
}

function linear(tensors: Tensors): Tensor {
  const [x, w] = [operand(tensors, "x"), operand(tensors, "W")];
  const [a, b] = [operand(tensors, "A"), operand(tensors, "B")];
  return loraLinear(x, w, a, b, { scaling: SCALING });
}

function lossOf(tensors: Tensors): Tensor {
  return mean(square(sub(linear(tensors), operand(tensors, "target"))));
}

function adamw(device: Device, tensors: Tensors): Recorded {
  const both = [operand(tensors, "A"), operand(tensors, "B")];
  const optimizer = new AdamW(device, both);
  const one = device.tensor(1);
  optimizer.advance(LEARNING_RATE);
  let first = true;
  return {
    state: both,
    record: () => {
      if (!first) optimizer.advance(LEARNING_RATE);
      first = false;
      const loss = lossOf(tensors);
      const slopes = optimizer.flatten(gradients(loss, both).map((x) => x!));
      return [loss, ...optimizer.update(slopes, one)];
    },
    close: () => optimizer[Symbol.dispose](),
  };
}

import { type Device, openDevice } from "@wick/async-exec";
import { loraLinear, matmul, mul, type Tensor } from "@wick/core-tensor";
import {
  type Figure,
  type FigureLabel,
  type PartOptions,
  timedEvaluations,
  timedReplays,
} from "../figure.ts";
import { tensorOf } from "../repeat.ts";

const ROWS = 64;
const QUEUE = 50;
const SCALING = 2;

/** The matrices of a layer with an adapter. */
class Layer implements Disposable {
  readonly x: Tensor;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(device: Device, features: number, rank: number) {
    this.x = tensorOf(device, [ROWS, features], 1);
    this.a = tensorOf(device, [features, rank], 2);
    this.b = tensorOf(device, [rank, features], 3);
    this.weight = tensorOf(device, [features, features], 4);
    this.bias = tensorOf(device, [features], 5);
  }

  delta = (): Tensor => matmul(mul(matmul(this.x, this.a), SCALING), this.b);

  linear = (bias?: Tensor): Tensor => {
    const { x, weight, a, b } = this;
    const options = { scaling: SCALING, ...(bias && { bias }) };
    return loraLinear(x, weight, a, b, options);
  };

  [Symbol.dispose](): void {
    for (const tensor of [this.x, this.a, this.b, this.weight, this.bias]) {
      tensor.dispose();
    }
  }
}

/**
 * Measures LoRA's delta and the linear layer with it, lazily, replayed and
 * operation by operation, 50 queued, and how the layer's cost grows with features
 * and rank.
 *
 * @param options The device, and how large.
 * @returns The figures.
 */
export async function lora(
  { device: name, large }: PartOptions,
): Promise<Figure[]> {
  using lazy = await openDevice({ device: name, announce: false });
  const figures: Figure[] = [];
  const evaluations = (
    device: Device,
    label: FigureLabel,
    record: () => Tensor,
    queue: number,
  ): Promise<Figure> =>
    timedEvaluations(device, label, () => [record()], queue);
  const measure = async (source: string, device: Device): Promise<void> => {
    for (const features of [512, 1024, 2048]) {
      using layer = new Layer(device, features, 8);
      const queue = large || features === 512 ? QUEUE : 5;
      const label = (group: string) => ({
        ...{ group, name: `${features} r 8`, source, x: features },
        operations: operationsOf(group !== "LoRA delta", features, 8),
      });
      const delta = label("LoRA delta");
      const linear = label("LoRA linear");
      figures.push(
        await evaluations(device, delta, layer.delta, queue),
        await evaluations(device, linear, () => layer.linear(), queue),
      );
      if (device === lazy) {
        const group = "LoRA delta, captured";
        figures.push(
          await timedReplays(lazy, { ...delta, group }, layer.delta(), queue),
        );
      }
      if (features !== 512) continue;
      const forward = label("LoRA forward, bias");
      figures.push(
        await evaluations(
          device,
          forward,
          () => layer.linear(layer.bias),
          queue,
        ),
      );
    }
  };
  await measure("wick", lazy);
  const sizes = large
    ? [256, 512, 1024, 2048, 4096, 8192]
    : [256, 512, 1024, 2048];
  for (const features of sizes) {
    for (const rank of [4, 16, 64, 256]) {
      using layer = new Layer(lazy, features, rank);
      figures.push(
        await evaluations(
          lazy,
          {
            ...{ group: "growth: features and rank", source: "wick" },
            ...{ name: `${features} r ${rank}`, x: features },
            operations: operationsOf(true, features, rank),
            bytes: 4 *
              (features ** 2 + 2 * features * rank + 2 * ROWS * features),
          },
          () => layer.linear(),
          large ? 10 : 1,
        ),
      );
    }
  }
  // Last: what it leaves to the garbage collector makes each submit longer.
  await measure("wick eager", lazy.eager);
  return figures;
}

function operationsOf(base: boolean, features: number, rank: number): number {
  const delta = 4 * ROWS * features * rank;
  return base ? delta + 2 * ROWS * features ** 2 : delta;
}

import { type Device, openDevice } from "@wick/async-exec";
import {
  add,
  cast,
  exp,
  layerNorm,
  matmul,
  mul,
  rmsNorm,
  softmax,
  sqrt,
  tanh,
  type Tensor,
} from "@wick/core-tensor";
import {
  type Figure,
  type FigureLabel,
  type PartOptions,
  timed,
  timedEvaluations,
} from "../figure.ts";
import { tensorOf } from "../repeat.ts";

/**
 * Measures single kernels beside what the device can do at most: a copy for the
 * bandwidth, the largest product for the arithmetic.
 *
 * @param options The device, and how large.
 * @returns The figures.
 */
export async function kernels(
  { device: name, large }: PartOptions,
): Promise<Figure[]> {
  using device = await openDevice({ device: name, announce: false });
  const figures: Figure[] = [];
  const measure = async (
    label: Omit<FigureLabel, "source">,
    record: () => Tensor,
    queue = 1,
  ): Promise<void> => {
    const whole = { source: "wick", ...label };
    figures.push(
      await timedEvaluations(device, whole, () => [record()], queue),
    );
  };
  for (const size of large ? [512, 1024, 2048, 4096] : [256, 512, 1024]) {
    using a = tensorOf(device, [size, size], 1);
    using b = tensorOf(device, [size, size], 2);
    const operations = 2 * size ** 3;
    const group = "matmul";
    await measure(
      { group, name: `${size}`, operations, x: size },
      () => matmul(a, b),
      large ? 10 : 1,
    );
    if (!large || size < 2048) continue;
    using aHalf = cast(a, "f16").eval();
    using bHalf = cast(b, "f16").eval();
    await measure(
      { group, name: `${size} f16`, operations },
      () => matmul(aHalf, bHalf),
      10,
    );
  }
  const [rows, columns] = large ? [16384, 4096] : [1024, 1024];
  // A GPU's rows take as long as the fence does.
  const queue = large ? 10 : 1;
  {
    const label = (name: string) => ({
      group: "rows",
      name: `${name} ${rows}x${columns}`,
      bytes: 8 * rows * columns,
    });
    using x = grid(device, rows, columns);
    using weight = tensorOf(device, [columns], 3);
    using bias = tensorOf(device, [columns], 4);
    await measure(label("copy"), () => add(x, 0.5), queue);
    await measure(label("softmax"), () => softmax(x, -1), queue);
    await measure(label("layer norm"), () => layerNorm(x, weight, bias), queue);
    await measure(label("RMS norm"), () => rmsNorm(x, weight), queue);
  }
  {
    const count = large ? 2 ** 28 : 2 ** 20;
    using x = grid(device, count / 1024, 1024);
    const bytes = 8 * count;
    const name = `chain of 8 on ${count / 2 ** 20} M`;
    await measure({ group: "rows", name, bytes }, () => chain(x), queue);
    const copied = `copy of ${count / 2 ** 20} M`;
    await measure(
      { group: "rows", name: copied, bytes },
      () => add(x, 0.5),
      queue,
    );
  }
  using small = tensorOf(device, [1024], 5);
  figures.push(
    await timed(
      { group: "read back", name: "4 KB", source: "wick", bytes: 4096 },
      async () => {
        const start = performance.now();
        await small.data();
        return (performance.now() - start) * 1000;
      },
      { device },
    ),
  );
  return figures;
}

/** A tensor too large to be made in the process: a row plus a column. */
function grid(device: Device, rows: number, columns: number): Tensor {
  using column = tensorOf(device, [rows, 1], 7);
  using row = tensorOf(device, [1, columns], 8);
  return add(column, row).eval();
}

function chain(x: Tensor): Tensor {
  const inner = mul(tanh(add(mul(x, 1.5), 0.25)), x);
  return mul(sqrt(add(exp(inner), 1)), 0.5);
}

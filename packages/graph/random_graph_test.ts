import {
  add,
  amax,
  broadcastTo,
  cast,
  concat,
  elementCount,
  exp,
  full,
  layerNorm,
  logSoftmax,
  matmul,
  mean,
  mul,
  neg,
  reshape,
  rmsNorm,
  slice,
  softmax,
  square,
  sub,
  sum,
  tanh,
  Tensor,
  transpose,
} from "@wick/core-tensor";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
  type TestDevice,
} from "@wick/testing";
import fc from "fast-check";

type Device = Awaited<ReturnType<TestDevice["open"]>>;

/** A step of a program: what to do with which of the tensors so far. */
interface Instruction {
  readonly kind: number;
  readonly first: number;
  readonly second: number;
  readonly detail: number;
}

const INSTRUCTION = fc.record({
  kind: fc.nat(18),
  first: fc.nat(1000),
  second: fc.nat(1000),
  detail: fc.nat(1000),
});

const SHAPES = [
  ...[[6], [2, 3], [3, 2], [3, 1], [4, 6], [1, 6], [2, 3, 4], []],
  // Long enough for kernels that read vectors.
  ...[[3, 32], [32]],
];

/** Puts the values of a program on a device. */
function on(device: Device): (shape: number[], values: Float64Array) => Tensor {
  return (shape, values) => device.tensor(values, { shape, dtype: "f32" });
}

/** Runs a program; every tensor stays between -1 and 1. */
function run(
  program: readonly Instruction[],
  given: (shape: number[], values: Float64Array) => Tensor,
): Tensor[] {
  const tensors: Tensor[] = SHAPES.map((shape, seed) =>
    given(shape, random(shape, seed + 1).values)
  );
  for (const { kind, first, second, detail } of program) {
    // The latest are taken more often, so that programs are deep.
    const pick = (choice: number): Tensor =>
      tensors.at(-1 - choice % Math.min(choice % 3 ? 4 : 99, tensors.length))!;
    tensors.push(apply(kind, pick(first), pick(second), detail));
  }
  return tensors;
}

function apply(kind: number, x: Tensor, y: Tensor, detail: number): Tensor {
  const rank = x.shape.length;
  const axis = rank === 0 ? 0 : detail % rank;
  switch (kind) {
    case 0:
      return tanh(add(x, fitting(x, y)));
    case 1:
      return mul(fitting(x, y), x);
    case 2:
      return mul(exp(mul(x, 0.5)), 0.5);
    case 3:
      return rank < 2 ? x : transpose(x);
    case 4:
      return reshape(x, detail % 2 ? [-1] : [1, elementCount(x.shape)]);
    case 5: {
      const start = x.shape.map((size, i) => i === axis && size > 1 ? 1 : 0);
      return rank === 0 ? x : slice(x, start);
    }
    case 6:
      return elementCount(x.shape) > 200 ? x : broadcastTo(x, [2, ...x.shape]);
    case 7:
      return rank === 0 ? x : tanh(sum(x, axis));
    case 8:
      return rank === 0 ? x : softmax(x, -1);
    case 9:
      return rank === 2 ? tanh(matmul(x, transpose(x))) : x;
    case 10:
      return cast(cast(x, detail % 2 ? "f16" : "bf16"), "f32");
    case 11:
      return rank === 0 ? x : mul(rmsNorm(add(x, fitting(x, y))), 0.25);
    case 12:
      return rank === 0 ? x : mul(layerNorm(mul(x, fitting(x, y))), 0.25);
    case 13:
      return rank === 0 ? x : tanh(logSoftmax(mul(x, 2), axis));
    case 14:
      return rank === 0 ? x : amax(sub(x, fitting(x, y)), axis);
    case 15:
      return tanh(mean(square(sub(x, fitting(x, y)))));
    case 16: {
      if (rank !== 2) return x;
      const left = mul(x, fitting(x, y));
      return tanh(matmul(transpose(left), sub(x, detail / 1000)));
    }
    case 17:
      return rank === 0 ? x : concat([neg(x), mul(x, 0.5)], axis);
    default:
      return add(mul(x, 0.5), full(x.shape, detail / 2000));
  }
}

/** A tensor that broadcasts with another one: itself, or its first element. */
function fitting(x: Tensor, y: Tensor): Tensor {
  const fits = y.shape.length <= x.shape.length &&
    y.shape.toReversed().every((size, i) =>
      size === 1 || size === x.shape.at(-1 - i)
    );
  if (fits) return y;
  if (elementCount(y.shape) === 0) return full([], 0.5);
  const flat = reshape(y, [-1]);
  return reshape(slice(flat, [0], [1]), []);
}

// Fused code keeps more digits than values that are stored between; where one
// is rounded to 8 bits, the last of those may differ.
const TOLERANCE = { rtol: 1e-2, atol: 1e-2 };
const EXACT = { rtol: 1e-5, atol: 1e-6 };
// Norms of small rows make the rounding of what goes into them larger.
const FLOATS = { rtol: 1e-3, atol: 1e-4 };

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name:
      `programs of random operations give lazily what they give eagerly on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const cpu = await TEST_DEVICES[0]!.open();
      await fc.assert(
        fc.asyncProperty(
          fc.array(INSTRUCTION, { minLength: 1, maxLength: 24 }),
          async (program) => {
            const lazy = run(program, on(device));
            const eager = run(program, on(cpu.eager));
            const values = new Map<Tensor, Float64Array>();
            const exact = run(program, (shape, elements) => {
              const symbol = new Tensor(shape, "f32", undefined, false);
              // What a device holds of them.
              values.set(symbol, elements.map(Math.fround));
              return symbol;
            });
            // The last, and some on the way.
            const asked = lazy.filter((_, i) =>
              i === lazy.length - 1 || i % 5 === 4
            );
            device.evaluate(asked);
            const rounds = program.some(({ kind }) => kind === 10);
            for (const tensor of asked) {
              const found = await device.read(tensor);
              const index = lazy.indexOf(tensor);
              assertClose(
                found,
                await eager[index]!.data(),
                rounds ? TOLERANCE : EXACT,
              );
              assertClose(
                found,
                evaluateReference(exact[index]!, values),
                rounds ? TOLERANCE : FLOATS,
              );
            }
            for (const tensor of [...lazy, ...eager]) tensor.dispose();
          },
        ),
        { numRuns: name === "cpu" ? 400 : 60, seed: 20260722 },
      );
    },
  });
}

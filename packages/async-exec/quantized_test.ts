import type { Device } from "@wick/async-exec";
import {
  add,
  cast,
  dequantize,
  embedding,
  isQuantized,
  loraLinear,
  matmul,
  mul,
  quantize,
  QUANTIZED_DTYPES,
  type QuantizedDType,
  reshape,
  silu,
  slice,
  square,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { assertClose, random, TEST_DEVICES, TOLERANCES } from "@wick/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";

const ALL = Object.keys(QUANTIZED_DTYPES).filter(isQuantized);

/** A quantized matrix, and the numbers that it stands for. */
function matrix(
  device: Device,
  shape: readonly [number, number],
  dtype: QuantizedDType,
  seed: number,
): { packed: Tensor; plain: Tensor } {
  const values = Float32Array.from(random(shape, seed).values);
  const words = quantize(values, dtype);
  return {
    packed: device.tensorFromBytes(new Uint8Array(words.buffer), shape, dtype),
    plain: device.tensor(dequantize(words, dtype), { shape }),
  };
}

function floats(device: Device, shape: number[], seed: number): Tensor {
  const { values } = random(shape, seed);
  return device.tensor(values, { shape, dtype: "f32", trainable: true });
}

/** Ways to use a weight `[out, in]`; the gradients are those of x. */
const USES: Readonly<Record<string, (x: Tensor, weight: Tensor) => Tensor>> = {
  "x·Wᵀ": (x, weight) => matmul(x, transpose(weight)),
  "silu(x·Wᵀ) + x": (x, weight) =>
    add(silu(matmul(x, transpose(weight))), slice(x, [0, 0], [1, 1])),
  "rows of a part": (x, weight) => {
    const half = [weight.shape[0]! >> 1, weight.shape[1]!];
    return matmul(x, transpose(slice(weight, [0, 0], half)));
  },
  "columns of a part": (x, weight) => {
    const [rows, columns] = [weight.shape[0]!, weight.shape[1]!];
    const inner = slice(weight, [0, 4], [rows, columns]);
    return matmul(slice(x, [0, 4], [x.shape[0]!, columns]), transpose(inner));
  },
  "x·W, W square": (x, weight) =>
    matmul(x, slice(weight, [0, 0], [weight.shape[1]!, weight.shape[1]!])),
};

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const dtype of ALL) {
    Deno.test({
      name: `${dtype} is read as it was made on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const { packed, plain } = matrix(device, [3, 256], dtype, 5);
        assertClose(await packed.data(), await plain.data(), {});
        assertClose(
          await cast(packed, "f32").data(),
          await plain.data(),
          TOLERANCES.f32,
        );
        const x = floats(device, [2, 256], 6);
        assertClose(
          await matmul(x, transpose(packed)).data(),
          await matmul(x, transpose(plain)).data(),
          TOLERANCES.f32,
        );
      },
    });
  }

  for (
    const [rows, outputs, inputs, dtype] of [
      [1, 130, 128, "q4g64f16"],
      [5, 63, 64, "q8g32bf16"],
      [33, 132, 64, "q4g64f32"],
    ] as const
  ) {
    for (const [use, apply] of Object.entries(USES)) {
      if (use === "x·W, W square" && outputs < inputs) continue;
      const size = `${rows} rows, [${outputs}, ${inputs}]`;
      Deno.test({
        name: `a quantized weight is used packed in ${use} of ${size}, ${name}`,
        ignore,
        fn: async () => {
          const device = await open();
          const weight = matrix(device, [outputs, inputs], dtype, 7);
          const x = floats(device, [rows, inputs], 8);
          const [got, want] = [weight.packed, weight.plain].map((w) =>
            apply(x, w)
          );
          const dy = floats(device, [...got!.shape], 9);
          assertClose(await got!.data(), await want!.data(), SUMS);
          const [dx] = gradients(got!, [x], dy);
          const [expected] = gradients(want!, [x], dy);
          assertClose(await dx!.data(), await expected!.data(), SUMS);
        },
      });
    }
  }

  Deno.test({
    name: `a LoRA layer on a quantized weight is two dispatches on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      for (
        const [rows, dtype] of [[1, "q4g32f32"], [40, "q8g64f16"]] as const
      ) {
        const weight = matrix(device, [96, 64], dtype, 11);
        const x = floats(device, [rows, 64], 12);
        const a = floats(device, [64, 8], 13);
        const b = floats(device, [8, 96], 14);
        const bias = floats(device, [96], 15);
        const dy = floats(device, [rows, 96], 16);
        const layer = (w: Tensor): Tensor[] => {
          const y = silu(loraLinear(x, w, a, b, { scaling: 2, bias }));
          return [y, ...gradients(y, [x, a, b], dy)].map((part) => part!);
        };
        const [got, want] = [layer(weight.packed), layer(weight.plain)];
        assertEquals(device.planOf([got[0]!]).steps.length, 2);
        assertEquals(
          device.planOf(got).steps.length,
          device.planOf(want).steps.length,
        );
        for (const [i, part] of got.entries()) {
          assertClose(await part.data(), await want[i]!.data(), SUMS);
        }
      }
    },
  });

  Deno.test({
    name: `rows of a quantized table are looked up on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      for (const dtype of ["q4g64bf16", "q8g128f32"] as const) {
        const table = matrix(device, [11, 128], dtype, 21);
        const ids = device.tensor(Int32Array.of(3, 0, 10, 3), {
          shape: [2, 2],
        });
        assertClose(
          await mul(embedding(table.packed, ids), 2).data(),
          await mul(embedding(table.plain, ids), 2).data(),
          TOLERANCES.f32,
        );
        assertClose(
          await embedding(transpose(table.packed), ids).data(),
          await embedding(transpose(table.plain), ids).data(),
          TOLERANCES.f32,
        );
        const outside = device.tensor(Int32Array.of(11, -1));
        const none = await embedding(table.packed, outside).data();
        assert([...none].every(Number.isNaN));
      }
    },
  });

  Deno.test({
    name: `other operations compute with a quantized weight on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { packed, plain } = matrix(device, [6, 128], "q4g64f16", 31);
      const more = floats(device, [6, 128], 32);
      const uses: ((w: Tensor) => Tensor)[] = [
        (w) => add(w, more),
        (w) => sum(square(w), 1),
        (w) => mul(transpose(w), 2),
        (w) => add(reshape(transpose(w), [6, 128]), more),
        (w) => matmul(slice(w, [1, 0], [4, 128]), transpose(more)),
      ];
      for (const use of uses) {
        assertClose(
          await use(packed).data(),
          await use(plain).data(),
          TOLERANCES.f32,
        );
      }
    },
  });

  Deno.test({
    name: `a quantized tensor takes only what can be packed on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const values = random([4, 64], 41).values;
      const dtype = "q8g64f32";
      const made = device.tensor(values, { shape: [4, 64], dtype });
      // What lies beyond the last step is one off.
      assertClose(await made.data(), values, { atol: 2 / 255 });
      assertThrows(
        () => device.tensor(values, { shape: [8, 32], dtype }),
        RangeError,
        "the last size must be a multiple of 64",
      );
      assertThrows(
        () => device.tensor(values, { shape: [4, 64], dtype, trainable: true }),
        TypeError,
        "train an adapter",
      );
      assertThrows(() => cast(made, "q4g64f32"), TypeError, "on the host");
      assertThrows(() => transpose(made).eval(), TypeError, "cast it to f32");
    },
  });
}

// As many sums as the inner size, of both signs: what is left of them may be a
// hundredth of what was added.
const SUMS = { rtol: 1e-4, atol: 2e-5 };

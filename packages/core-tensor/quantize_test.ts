import {
  byteLength,
  dequantize,
  isQuantized,
  quantize,
  QUANTIZED_DTYPES,
  quantizedScales,
} from "@wick/core-tensor";
import { assertClose, random } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";

const ALL = Object.keys(QUANTIZED_DTYPES).filter(isQuantized);

Deno.test("quantize() packs as mlx does: low bits first, the larger end exact", () => {
  // By hand, after mlx.core.quantize: 15 is the larger end, so it is step 0 and
  // the scale is negative.
  const rising = Float32Array.from({ length: 32 }, (_, i) => i % 16);
  assertEquals(
    [...quantize(rising, "q4g32f32")].slice(0, 2),
    [0x89abcdef, 0x01234567],
  );
  assertEquals(quantizedScales(quantize(rising, "q4g32f32"), "q4g32f32"), {
    scales: Float32Array.of(-1),
    biases: Float32Array.of(15),
  });
  // -15 is the larger end: step 0 with a positive scale.
  const falling = rising.map((value) => -value);
  assertEquals(
    [...quantize(falling, "q4g32f32")].slice(0, 2),
    [0x89abcdef, 0x01234567],
  );
  assertEquals(quantizedScales(quantize(falling, "q4g32f32"), "q4g32f32"), {
    scales: Float32Array.of(1),
    biases: Float32Array.of(-15),
  });
  const bytes = Float32Array.from({ length: 32 }, (_, i) => i < 31 ? i : 255);
  assertEquals(quantize(bytes, "q8g32f32")[0], 0xfcfdfeff);
});

for (const dtype of ALL) {
  Deno.test(`dequantize() gives what ${dtype} holds, within a step`, () => {
    const { bits, groupSize, scale } = QUANTIZED_DTYPES[dtype];
    const values = Float32Array.from(random([groupSize * 3], 7).values);
    const words = quantize(values, dtype);
    assertEquals(4 * words.length, byteLength(dtype, values.length));
    assertEquals(quantizedScales(words, dtype).scales.length, 3);
    // Values span at most 2; a bf16 bias is up to 2^-9 off.
    const off = scale === "bf16" ? 2 ** -8 : 2 ** -10;
    const step = 2 / (2 ** bits - 1);
    assertClose(dequantize(words, dtype), values, { atol: step + off });
  });
}

Deno.test("quantize() keeps groups of one value", () => {
  for (const value of [0, 3, -0.25]) {
    const values = new Float32Array(64).fill(value);
    assertEquals(
      dequantize(quantize(values, "q4g64f16"), "q4g64f16"),
      values,
    );
  }
});

Deno.test("quantize() refuses what it cannot pack", () => {
  assertThrows(
    () => quantize(new Float32Array(65), "q4g32f16"),
    RangeError,
    "groups of 32",
  );
  assertThrows(
    () => quantize(new Float32Array(32).fill(NaN), "q4g32f16"),
    RangeError,
    "element 0 must be a finite number",
  );
});

import { assertEquals } from "@std/assert";
import { failure } from "../files/failure.ts";
import type { SafetensorsDtype } from "./dtype.ts";
import type { RawTensor } from "./raw_tensor.ts";
import { toFloat32 } from "./to_float32.ts";
import { toInt32 } from "./to_int32.ts";

function raw(
  dtype: SafetensorsDtype,
  values: { buffer: ArrayBuffer; length: number },
): RawTensor {
  return {
    dtype,
    shape: [values.length],
    bytes: new Uint8Array(values.buffer),
  };
}

/** Every pattern of 16 bits. */
const patterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** What IEEE 754 says a pattern is, written from the definition. */
function meaning(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & ((1 << exponentBits) - 1);
  const fraction = (bits & ((1 << fractionBits) - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) {
    return fraction === 0 ? sign * Infinity : NaN;
  }
  return exponent === 0
    ? sign * fraction * 2 ** (1 - bias)
    : sign * (1 + fraction) * 2 ** (exponent - bias);
}

for (const [dtype, exponentBits] of [["F16", 5], ["BF16", 8]] as const) {
  Deno.test(`toFloat32() widens every ${dtype} exactly`, () => {
    const values = toFloat32(raw(dtype, patterns));
    const wrong = patterns.filter((bits) =>
      !Object.is(values[bits], meaning(bits, exponentBits))
    );
    assertEquals([...wrong], []);
  });
}

Deno.test("toFloat32() gives known values of F16 and BF16", () => {
  const bits = Uint16Array.of(0x3c00, 0x0001, 0x7bff, 0xfc00, 0x8000, 0x7e00);
  assertEquals(
    [...toFloat32(raw("F16", bits))],
    [1, 2 ** -24, 65504, -Infinity, -0, NaN],
  );
  assertEquals(
    [...toFloat32(raw("BF16", Uint16Array.of(0x3f80, 0x0001, 0xff80)))],
    [1, 2 ** -133, -Infinity],
  );
});

Deno.test("toFloat32() rounds F64 and keeps F32", () => {
  assertEquals(
    toFloat32(raw("F64", Float64Array.of(0.1, 1e300))),
    Float32Array.of(Math.fround(0.1), Infinity),
  );
  assertEquals(
    toFloat32(raw("F32", Float32Array.of(0.1, -0))),
    Float32Array.of(0.1, -0),
  );
});

Deno.test("toFloat32() and toInt32() take bytes at odd places", () => {
  const bytes = new Uint8Array(13);
  new DataView(bytes.buffer).setFloat32(1, 1.5, true);
  new DataView(bytes.buffer).setBigInt64(5, -7n, true);
  assertEquals(
    toFloat32({ dtype: "F32", shape: [], bytes: bytes.subarray(1, 5) }),
    Float32Array.of(1.5),
  );
  assertEquals(
    toInt32({ dtype: "I64", shape: [], bytes: bytes.subarray(5) }),
    Int32Array.of(-7),
  );
});

Deno.test("toInt32() converts every integer type", () => {
  const ends = [-2147483648, 2147483647];
  assertEquals([...toInt32(raw("I32", Int32Array.from(ends)))], ends);
  assertEquals(
    [...toInt32(raw("I64", BigInt64Array.from(ends, BigInt)))],
    ends,
  );
  assertEquals([...toInt32(raw("U64", BigUint64Array.of(2147483647n)))], [
    2147483647,
  ]);
  assertEquals([...toInt32(raw("U32", Uint32Array.of(2147483647)))], [
    2147483647,
  ]);
  assertEquals([...toInt32(raw("I16", Int16Array.of(-32768)))], [-32768]);
  assertEquals([...toInt32(raw("U16", Uint16Array.of(65535)))], [65535]);
  assertEquals([...toInt32(raw("I8", Int8Array.of(-128)))], [-128]);
  assertEquals([...toInt32(raw("U8", Uint8Array.of(255)))], [255]);
  assertEquals([...toInt32(raw("BOOL", Uint8Array.of(1, 0)))], [1, 0]);
});

Deno.test("toInt32() refuses what does not fit", async () => {
  const wide: RawTensor[] = [
    raw("I64", BigInt64Array.of(0n, 2147483648n)),
    raw("U64", BigUint64Array.of(0n, 2147483648n)),
    raw("U32", Uint32Array.of(0, 2147483648)),
  ];
  for (const tensor of wide) {
    const named = { ...tensor, path: "a.safetensors", name: "ids" };
    assertEquals(
      await failure((async () => await toInt32(named))()),
      'Cannot read a.safetensors: tensor "ids" has the value 2147483648 at ' +
        "place 1, which does not fit in 32 bits",
    );
  }
  const low = raw("I64", BigInt64Array.of(-2147483649n));
  assertEquals(
    await failure((async () => await toInt32(low))()),
    "Cannot read a tensor: it has the value -2147483649 at place 0, which " +
      "does not fit in 32 bits",
  );
});

Deno.test("toFloat32() refuses integers, and toInt32() floating-point numbers", async () => {
  assertEquals(
    await failure((async () => await toFloat32(raw("U8", Uint8Array.of(1))))()),
    "Cannot read a tensor: it has the dtype U8: F64, F32, F16 or BF16 is " +
      "needed here",
  );
  assertEquals(
    await failure(
      (async () => await toInt32(raw("F32", Float32Array.of(1))))(),
    ),
    "Cannot read a tensor: it has the dtype F32: integers are needed here",
  );
});

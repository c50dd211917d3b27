import { assertEquals } from "@std/assert";
import { encodeOnnx } from "./onnx_encoder.ts";

/** The fields of a message: numbers, and bytes as they are. */
function fields(bytes: Uint8Array): [number, number | Uint8Array][] {
  const found: [number, number | Uint8Array][] = [];
  let at = 0;
  const variable = (): number => {
    let [value, factor] = [0, 1];
    for (;; factor *= 128) {
      const byte = bytes[at++]!;
      value += byte % 128 * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = variable();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) found.push([number, variable()]);
    else {
      const length = tag % 8 === 5 ? 4 : variable();
      found.push([number, bytes.subarray(at, at += length)]);
    }
  }
  return found;
}

function bytesAt(bytes: Uint8Array, ...path: number[]): Uint8Array {
  return path.reduce((message, number) => {
    const [, value] = fields(message).find(([field]) => field === number)!;
    if (typeof value === "number") throw new TypeError("Expected bytes");
    return value;
  }, bytes);
}

Deno.test("encodeOnnx writes nodes, shapes, constants and attributes", () => {
  const values = Float32Array.of(1.5, -2);
  const model = encodeOnnx({
    nodes: [{
      operator: "Gemm",
      inputs: ["x", "w"],
      output: "y",
      floats: { alpha: 0.25 },
      integers: { axis: 300 },
    }],
    inputs: { x: [1, 200] },
    outputs: { y: [1, 2] },
    constants: { w: { shape: [2], values } },
  });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(text(bytesAt(model, 7, 1, 4)), "Gemm");
  assertEquals(text(bytesAt(model, 7, 1, 2)), "y");
  const attributes = fields(bytesAt(model, 7, 1))
    .filter(([number]) => number === 5)
    .map(([, bytes]) => typeof bytes === "number" ? [] : fields(bytes));
  assertEquals(attributes[0]!.slice(1), [[3, 300], [20, 2]]);
  const alpha = new Uint8Array(Float32Array.of(0.25).buffer);
  assertEquals(attributes[1]!.slice(1), [[2, alpha], [20, 1]]);
  assertEquals(
    bytesAt(model, 7, 5, 9),
    new Uint8Array(values.buffer),
  );
  const shape = fields(bytesAt(model, 7, 11, 2, 1, 2));
  assertEquals(
    shape.map(([, size]) => typeof size === "number" ? [] : fields(size)),
    [[[1, 1]], [[1, 200]]],
  );
});

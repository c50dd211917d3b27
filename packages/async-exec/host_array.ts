import {
  type DType,
  elementCount,
  type HostArray,
  isQuantized,
  sameShape,
  type Shape,
} from "@wick/core-tensor";

/** A number, nested arrays of numbers, or a typed array. */
export type NestedNumbers =
  | number
  | boolean
  | readonly NestedNumbers[]
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array;

/** Values with the shape and the type that they have. */
export interface ShapedValues {
  /** The values, row by row. */
  readonly array: HostArray;
  /** The size along each axis. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
}

/**
 * Flattens nested numbers.
 *
 * @param values The numbers.
 * @param options The shape and the type, where they do not follow.
 * @returns The values in an array that fits the type.
 * @throws {RangeError} If the arrays are ragged or do not fill the shape.
 */
export function hostArray(
  values: NestedNumbers,
  options: { readonly shape?: Shape; readonly dtype?: DType } = {},
): ShapedValues {
  const own = nestedShape(values);
  const shape = options.shape ?? own;
  if (elementCount(own) !== elementCount(shape)) {
    throw new RangeError(
      `Cannot fill a tensor of [${shape}] with ${
        elementCount(own)
      } values: it has ${elementCount(shape)} elements`,
    );
  }
  const dtype = options.dtype ?? typeOf(values);
  const flat = ArrayBuffer.isView(values) ? values : flatten(values, []);
  return { array: arrayOf(dtype, flat), shape, dtype };
}

function nestedShape(values: NestedNumbers): Shape {
  if (typeof values !== "object") return [];
  if (ArrayBuffer.isView(values)) return [values.length];
  const [first, ...rest] = values.map(nestedShape);
  if (!first) return [0];
  const odd = rest.find((shape) => !sameShape(shape, first));
  if (odd) {
    throw new RangeError(
      `Cannot make a tensor of ragged arrays: one is [${first}], another [${odd}]`,
    );
  }
  return [values.length, ...first];
}

function flatten(values: NestedNumbers, into: number[]): number[] {
  if (typeof values !== "object") into.push(Number(values));
  else if (ArrayBuffer.isView(values)) {
    for (const value of values) into.push(value);
  } else for (const part of values) flatten(part, into);
  return into;
}

function typeOf(values: NestedNumbers): DType {
  if (values instanceof Int32Array) return "i32";
  if (values instanceof Uint32Array) return "u32";
  if (values instanceof Uint8Array) return "bool";
  if (typeof values === "boolean") return "bool";
  return Array.isArray(values) && values.length > 0 ? typeOf(values[0]) : "f32";
}

/**
 * Gives an array of the kind that holds elements of a type on the host.
 *
 * @param dtype The element type.
 * @param values The elements, or how many.
 * @returns The array; a copy unless it has the right kind already.
 */
export function arrayOf(
  dtype: DType,
  values: ArrayLike<number> | number,
): HostArray {
  const from = typeof values === "number" ? { length: values } : values;
  switch (isQuantized(dtype) ? "f32" : dtype) {
    case "f32":
    case "f16":
    case "bf16":
      return isPlain(from, Float32Array)
        ? from
        : typeof values === "number"
        ? new Float32Array(values)
        : Float32Array.from(from);
    case "i32":
      return isPlain(from, Int32Array)
        ? from
        : typeof values === "number"
        ? new Int32Array(values)
        : Int32Array.from(from);
    case "u32":
      return isPlain(from, Uint32Array)
        ? from
        : typeof values === "number"
        ? new Uint32Array(values)
        : Uint32Array.from(from);
    case "bool":
      return typeof values === "number"
        ? new Uint8Array(values)
        : Uint8Array.from(from, (value) => value ? 1 : 0);
  }
}

function isPlain<T extends { readonly buffer: ArrayBufferLike }>(
  from: object,
  kind: abstract new (...options: never[]) => T,
): from is T & { readonly buffer: ArrayBuffer } {
  return from instanceof kind && from.buffer instanceof ArrayBuffer;
}

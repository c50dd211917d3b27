import type { HostTensor } from "./operands.ts";

/** A node of an ONNX graph. */
export interface OnnxNode {
  /** The operator. */
  readonly operator: string;
  /** The names of its operands. */
  readonly inputs: readonly string[];
  /** The name of its result. */
  readonly output: string;
  /** Whole-number attributes. */
  readonly integers?: Readonly<Record<string, number>>;
  /** Attributes that are floats. */
  readonly floats?: Readonly<Record<string, number>>;
}

/** A graph of `f32` tensors. */
export interface OnnxGraph {
  /** The nodes, in order. */
  readonly nodes: readonly OnnxNode[];
  /** The shape of each operand that a run is given. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** The shape of each result. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** What is part of the model. */
  readonly constants: Readonly<Record<string, HostTensor>>;
}

// The field numbers are those of onnx.proto3, version 8 of the format.
const FORMAT_VERSION = 8;
const OPERATORS_VERSION = 17;
const FLOAT = 1;
const ATTRIBUTE = { float: 1, integer: 2 };

type Message = Uint8Array<ArrayBuffer>;

/**
 * Writes a graph as an ONNX model.
 *
 * @param graph The graph.
 * @returns The bytes of the file.
 * @see {@link https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 | The format}
 */
export function encodeOnnx(graph: OnnxGraph): Message {
  const entries = <Value>(of: Readonly<Record<string, Value>>) =>
    Object.entries(of);
  const body = message(
    ...graph.nodes.map((node) => field(1, encodeNode(node))),
    text(2, "graph"),
    ...entries(graph.constants).map(([name, value]) =>
      field(5, encodeTensor(name, value))
    ),
    ...entries(graph.inputs).map(([name, shape]) =>
      field(11, encodeValue(name, shape))
    ),
    ...entries(graph.outputs).map(([name, shape]) =>
      field(12, encodeValue(name, shape))
    ),
  );
  const operators = (domain: string, version: number) =>
    field(8, message(text(1, domain), integer(2, version)));
  return message(
    integer(1, FORMAT_VERSION),
    field(7, body),
    operators("", OPERATORS_VERSION),
    operators("com.microsoft", 1),
  );
}

function encodeNode(
  { operator, inputs, output, integers = {}, floats = {} }: OnnxNode,
): Message {
  return message(
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, operator),
    ...Object.entries(integers).map(([name, value]) =>
      field(
        5,
        message(text(1, name), integer(3, value), kind(ATTRIBUTE.integer)),
      )
    ),
    ...Object.entries(floats).map(([name, value]) =>
      field(5, message(text(1, name), float(2, value), kind(ATTRIBUTE.float)))
    ),
  );
}

function kind(value: number): Message {
  return integer(20, value);
}

function encodeTensor(name: string, { shape, values }: HostTensor): Message {
  const bytes = new Uint8Array(values.buffer, values.byteOffset).subarray(
    0,
    values.byteLength,
  );
  return message(
    ...shape.map((size) => integer(1, size)),
    integer(2, FLOAT),
    text(8, name),
    field(9, bytes),
  );
}

function encodeValue(name: string, shape: readonly number[]): Message {
  const dimensions = message(
    ...shape.map((size) => field(1, integer(1, size))),
  );
  const tensor = message(integer(1, FLOAT), field(2, dimensions));
  return message(text(1, name), field(2, field(1, tensor)));
}

/** Bytes one behind the other. */
function message(...parts: readonly Message[]): Message {
  const out = new Uint8Array(
    parts.reduce((total, { length }) => total + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A number of variable length: seven bits a byte, the lowest first. */
function variable(value: number): Message {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot encode ${value}: only whole numbers from 0 on are written`,
    );
  }
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push(value % 128 + 128);
  }
  return Uint8Array.from([...bytes, value]);
}

/** The number of a field with the way that its value is written. */
function tag(number: number, wire: 0 | 2 | 5): Message {
  return variable(number * 8 + wire);
}

function integer(number: number, value: number): Message {
  return message(tag(number, 0), variable(value));
}

function float(number: number, value: number): Message {
  return message(
    tag(number, 5),
    new Uint8Array(Float32Array.of(value).buffer),
  );
}

function field(number: number, bytes: Uint8Array<ArrayBuffer>): Message {
  return message(tag(number, 2), variable(bytes.length), bytes);
}

function text(number: number, value: string): Message {
  return field(number, new TextEncoder().encode(value));
}

import type { Expression } from "./expression_tree.ts";
import { unsigned } from "./wasm_encoder.ts";

/** What four lanes hold: floats, or all bits or none for true or false. */
export type LaneType = "f32" | "mask";

/** Instructions that leave a vector on the stack. */
export interface VectorCode {
  /** What its lanes hold. */
  readonly type: LaneType;
  /** The instructions. */
  readonly code: readonly number[];
}

/** What names stand for, and which functions there are. */
export interface VectorScope {
  /** Gives the vector of a name; undefined if there is none. */
  name(name: string): VectorCode | undefined;
  /** Gives the number of an imported function from one vector to one. */
  import(name: string): number;
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

/** The instructions by the names that the standard gives them. */
const OPCODES = {
  and: simd(0x4e),
  not: simd(0x4d),
  or: simd(0x50),
  xor: simd(0x51),
  bitselect: simd(0x52),
  equal: simd(0x41),
  notEqual: simd(0x42),
  less: simd(0x43),
  greater: simd(0x44),
  lessEqual: simd(0x45),
  greaterEqual: simd(0x46),
  ceil: simd(0x67),
  floor: simd(0x68),
  trunc: simd(0x69),
  nearest: simd(0x6a),
  abs: simd(0xe0),
  negate: simd(0xe1),
  sqrt: simd(0xe3),
  add: simd(0xe4),
  subtract: simd(0xe5),
  multiply: simd(0xe6),
  divide: simd(0xe7),
  minimum: simd(0xe8),
  maximum: simd(0xe9),
} as const;

const ARITHMETIC: Readonly<Record<string, readonly number[]>> = {
  "+": OPCODES.add,
  "-": OPCODES.subtract,
  "*": OPCODES.multiply,
  "/": OPCODES.divide,
};

const COMPARISONS: Readonly<Record<string, readonly number[]>> = {
  "==": OPCODES.equal,
  "!=": OPCODES.notEqual,
  "<": OPCODES.less,
  ">": OPCODES.greater,
  "<=": OPCODES.lessEqual,
  ">=": OPCODES.greaterEqual,
};

/** Functions of one float that are one instruction. */
const INSTRUCTIONS: Readonly<Record<string, readonly number[]>> = {
  abs: OPCODES.abs,
  ceil: OPCODES.ceil,
  floor: OPCODES.floor,
  round: OPCODES.nearest,
  sqrt: OPCODES.sqrt,
  trunc: OPCODES.trunc,
};

/** Functions of one float that the kernels export. */
const IMPORTS: Readonly<Record<string, string>> = {
  erf: "erf4",
  exp: "exp4",
  log: "log4",
  sigmoid: "sigmoid4",
  "stable_tanh": "tanh4",
};

/**
 * Gives a constant vector.
 *
 * @param value What each lane holds.
 * @returns The instructions.
 */
export function constantVector(value: number): number[] {
  const lane = [...new Uint8Array(Float32Array.of(value).buffer)];
  return [...simd(0x0c), ...lane, ...lane, ...lane, ...lane];
}

/**
 * Turns an expression into instructions for four lanes.
 *
 * @param tree The expression.
 * @param scope What its names stand for.
 * @returns The instructions; undefined if it has something other than floats
 * and truth, or a function that has no form for four lanes.
 */
export function vectorCode(
  tree: Expression,
  scope: VectorScope,
): VectorCode | undefined {
  switch (tree.kind) {
    case "number":
      return floats(constantVector(tree.value));
    case "name":
      return scope.name(tree.name);
    case "unary": {
      const x = vectorCode(tree.x, scope);
      if (tree.operator === "!") {
        return x?.type === "mask" ? mask(x.code, OPCODES.not) : undefined;
      }
      return x?.type === "f32" ? floats(x.code, OPCODES.negate) : undefined;
    }
    case "binary": {
      const [a, b] = [vectorCode(tree.a, scope), vectorCode(tree.b, scope)];
      return a && b && a.type === b.type
        ? binary(tree.operator, a, b)
        : undefined;
    }
    case "call": {
      const operands: VectorCode[] = [];
      for (const operand of tree.operands) {
        const code = vectorCode(operand, scope);
        if (!code) return undefined;
        operands.push(code);
      }
      return call(tree.name, operands, scope);
    }
  }
}

function binary(
  operator: string,
  a: VectorCode,
  b: VectorCode,
): VectorCode | undefined {
  const both = [...a.code, ...b.code];
  if (a.type === "mask") {
    switch (operator) {
      case "||":
        return mask(both, OPCODES.or);
      case "&&":
        return mask(both, OPCODES.and);
      case "!=":
        return mask(both, OPCODES.xor);
      case "==":
        return mask(both, OPCODES.xor, OPCODES.not);
      default:
        return undefined;
    }
  }
  const arithmetic = ARITHMETIC[operator];
  if (arithmetic) return floats(both, arithmetic);
  const comparison = COMPARISONS[operator];
  return comparison && mask(both, comparison);
}

function call(
  name: string,
  operands: readonly VectorCode[],
  scope: VectorScope,
): VectorCode | undefined {
  const [x, y, z] = operands;
  switch (name) {
    case "infinity":
      return floats(constantVector(Infinity));
    case "nan":
      return floats(constantVector(NaN));
    case "select":
      return x && y && z?.type === "mask" && x.type === y.type
        ? {
          type: x.type,
          code: [...y.code, ...x.code, ...z.code, ...OPCODES.bitselect],
        }
        : undefined;
  }
  if (!x) return undefined;
  if (name === "f32" && x.type === "mask") {
    return floats(x.code, constantVector(1), OPCODES.and);
  }
  if (operands.some(({ type }) => type !== "f32")) return undefined;
  if (name in INSTRUCTIONS) return floats(x.code, INSTRUCTIONS[name]!);
  if (name in IMPORTS) {
    return floats(x.code, [0x10, ...unsigned(scope.import(IMPORTS[name]!))]);
  }
  switch (name) {
    case "f32":
      return x;
    case "is_nan":
      return mask(x.code, x.code, OPCODES.notEqual);
    case "inverseSqrt":
      return floats(
        ...[constantVector(1), x.code, OPCODES.sqrt, OPCODES.divide],
      );
    case "max":
      return y && floats(x.code, y.code, OPCODES.maximum);
    case "min":
      return y && floats(x.code, y.code, OPCODES.minimum);
    default:
      return undefined;
  }
}

function floats(...parts: readonly (readonly number[])[]): VectorCode {
  return { type: "f32", code: parts.flat() };
}

function mask(...parts: readonly (readonly number[])[]): VectorCode {
  return { type: "mask", code: parts.flat() };
}

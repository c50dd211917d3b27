import { errorFunction } from "@wick/core-tensor/ops";

/**
 * The functions of the common tongue, as JavaScript: the same names and
 * meanings as in `kernels/functions.wgsl`.
 */
export const FUNCTIONS = {
  abs: Math.abs,
  ceil: Math.ceil,
  cos: Math.cos,
  exp: Math.exp,
  floor: Math.floor,
  log: Math.log,
  max: Math.max,
  min: Math.min,
  pow: Math.pow,
  round: roundTiesToEven,
  sign: Math.sign,
  sin: Math.sin,
  sqrt: Math.sqrt,
  stable_tanh: Math.tanh,
  trunc: Math.trunc,
  inverseSqrt: (x: number): number => 1 / Math.sqrt(x),
  sigmoid: (x: number): number => 1 / (1 + Math.exp(-x)),
  erf: errorFunction,
  infinity: (): number => Infinity,
  nan: (): number => NaN,
  is_nan: (x: number): boolean => Number.isNaN(x),
  select: <T>(otherwise: T, then: T, condition: boolean | number): T =>
    condition ? then : otherwise,
  f32: (x: number | boolean): number => Number(x),
  i32: (x: number | boolean): number => Math.trunc(Number(x)) | 0,
  u32: (x: number | boolean): number => Math.trunc(Number(x)) >>> 0,
} as const;

function roundTiesToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

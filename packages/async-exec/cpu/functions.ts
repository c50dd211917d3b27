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
  erf,
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

/**
 * The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
 * `t·exp(-x² + p(t))` with `t = 2 / (2 + |x|)` (Press et al., section 6.2).
 */
function erf(x: number): number {
  const t = 2 / (2 + Math.abs(x));
  const p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 +
                t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 +
                            t *
                              (1.48851587 +
                                t * (-0.82215223 + t * 0.17087277))))))));
  const rest = t * Math.exp(-x * x + p);
  return x >= 0 ? 1 - rest : rest - 1;
}

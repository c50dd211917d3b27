// The functions of the common tongue that WGSL has not: those that fused code
// mentions are added to its kernel.

fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-x));
}

// Drivers compute tanh by two powers of e, which overflow far out and lose the
// digits of what is close to 0: here one power, which cannot, and a series.
fn stable_tanh(x: f32) -> f32 {
  let t = exp(-2.0 * abs(x));
  let far = sign(x) * (1.0 - t) / (1.0 + t);
  let s = x * x;
  let near = x * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.05396825 +
    s * 0.02186949))));
  return select(far, near, abs(x) < 0.25);
}

// The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
// t·exp(-x² + p(t)) with t = 2 / (2 + |x|) (Press et al., section 6.2); close to
// 0, where 1 less that loses its digits, the series.
fn erf(x: f32) -> f32 {
  let t = 2.0 / (2.0 + abs(x));
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 +
    t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 +
    t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let rest = t * exp(-x * x + p);
  let far = select(rest - 1.0, 1.0 - rest, x >= 0.0);
  let s = x * x;
  let near = x * (1.12837917 + s * (-0.37612639 + s * (0.11283792 +
    s * (-0.02686617 + s * 0.00522398))));
  return select(far, near, abs(x) < 0.25);
}

// A constant expression may not be infinite, a variable may.
fn infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

// `x != x` is false for NaN on some drivers: the bits are not.
fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// The functions of the common tongue that WGSL has not: those that fused code
// mentions are added to its kernel.

fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-x));
}

// Drivers compute tanh by exp(2x), which overflows: far out it is 1.
fn stable_tanh(x: f32) -> f32 {
  return tanh(clamp(x, -15.0, 15.0));
}

// The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
// t·exp(-x² + p(t)) with t = 2 / (2 + |x|) (Press et al., section 6.2).
fn erf(x: f32) -> f32 {
  let t = 2.0 / (2.0 + abs(x));
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 +
    t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 +
    t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let rest = t * exp(-x * x + p);
  return select(rest - 1.0, 1.0 - rest, x >= 0.0);
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

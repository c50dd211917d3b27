// Copies lines, rows of the left or columns of the right matrix, into panels
// that lie as the tile reads them: `[panel, k, lines]`, missing lines zero.

/** Transposes four lines of four and stores them `stride` bytes apart. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function transposeFour(
  from: usize,
  line: usize,
  to: usize,
  stride: usize,
  factor: v128,
): void {
  const l0 = v128.load(from);
  const l1 = v128.load(from + line);
  const l2 = v128.load(from + 2 * line);
  const l3 = v128.load(from + 3 * line);
  const a = v128.shuffle<f32>(l0, l1, 0, 4, 1, 5);
  const b = v128.shuffle<f32>(l2, l3, 0, 4, 1, 5);
  const c = v128.shuffle<f32>(l0, l1, 2, 6, 3, 7);
  const d = v128.shuffle<f32>(l2, l3, 2, 6, 3, 7);
  v128.store(to, f32x4.mul(v128.shuffle<f32>(a, b, 0, 1, 4, 5), factor));
  v128.store(
    to + stride,
    f32x4.mul(v128.shuffle<f32>(a, b, 2, 3, 6, 7), factor),
  );
  v128.store(
    to + 2 * stride,
    f32x4.mul(v128.shuffle<f32>(c, d, 0, 1, 4, 5), factor),
  );
  v128.store(
    to + 3 * stride,
    f32x4.mul(v128.shuffle<f32>(c, d, 2, 3, 6, 7), factor),
  );
}

/**
 * Copies one panel of up to `width` lines.
 *
 * @param from The first element of the first line.
 * @param line Bytes from a line to the next.
 * @param step Bytes from one element of a line to the next.
 * @param lines How many lines there are, at least one.
 * @param width Lines of the panel, a constant.
 * @param k The elements of a line.
 * @param to Where the panel goes.
 * @param scale What each element is multiplied by.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function packPanel(
  from: usize,
  line: usize,
  step: usize,
  lines: i32,
  width: i32,
  k: i32,
  to: usize,
  scale: f32,
): void {
  const stride = <usize> width << 2;
  let inner = 0;
  let first = 0;
  if (lines >= width && line == 4) {
    const factor = f32x4.splat(scale);
    for (; inner < k; inner++, from += step, to += stride) {
      v128.store(to, f32x4.mul(v128.load(from), factor));
      if (width == 8) {
        v128.store(to, f32x4.mul(v128.load(from, 16), factor), 16);
      } else {
        f32.store(to, f32.load(from, 16) * scale, 16);
        f32.store(to, f32.load(from, 20) * scale, 20);
      }
    }
    return;
  }
  if (step == 4) {
    const factor = f32x4.splat(scale);
    for (; first + 4 <= min(lines, width); first += 4) {
      const start = from + <usize> first * line;
      const target = to + (<usize> first << 2);
      for (inner = 0; inner + 4 <= k; inner += 4) {
        const at = <usize> inner;
        transposeFour(
          start + (at << 2),
          line,
          target + at * stride,
          stride,
          factor,
        );
      }
      for (; inner < k; inner++) {
        for (let i: usize = 0; i < 4; i++) {
          f32.store(
            target + <usize> inner * stride + (i << 2),
            f32.load(start + i * line + (<usize> inner << 2)) * scale,
          );
        }
      }
    }
  }
  for (; first < width; first++) {
    let source = from + <usize> first * line;
    let target = to + (<usize> first << 2);
    if (first >= lines) {
      for (inner = 0; inner < k; inner++, target += stride) {
        f32.store(target, 0);
      }
    } else {
      for (inner = 0; inner < k; inner++, target += stride, source += step) {
        f32.store(target, f32.load(source) * scale);
      }
    }
  }
}

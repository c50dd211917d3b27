// Products by weights in 4 or 8 bits, which are unpacked as they are read: into
// panels of the packed product, or straight into the sums of few rows. An
// element is q·scale + bias.
//
// There is no shift of each lane by another count, so 4 bits are masked where
// they stand, and the powers of two in front of them go into what they are
// multiplied by.
import { multiplyAdd, sumOf } from "./vector";

// @ts-ignore: a decorator of AssemblyScript
@inline const COLUMNS: i32 = 8;
// @ts-ignore: a decorator of AssemblyScript
@inline const BLOCK: i32 = 256;
/** Columns of a unit of few rows. */
// @ts-ignore: a decorator of AssemblyScript
@inline const UNIT: i32 = 32;

// How scales and biases are stored.
// @ts-ignore: a decorator of AssemblyScript
@inline const F16: i32 = 0;
// @ts-ignore: a decorator of AssemblyScript
@inline const BF16: i32 = 1;

/** Widens a 16-bit float that is finite. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function widen(half: u32): f32 {
  const size = f32.mul(
    reinterpret<f32>((half & 0x7fff) << 13),
    reinterpret<f32>(0x77800000),
  );
  return reinterpret<f32>(reinterpret<u32>(size) | (half & 0x8000) << 16);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function scaleOf(pair: usize, kind: i32): f32 {
  if (kind == F16) return widen(load<u16>(pair));
  if (kind == BF16) return reinterpret<f32>(<u32> load<u16>(pair) << 16);
  return load<f32>(pair);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function biasOf(pair: usize, kind: i32): f32 {
  if (kind == F16) return widen(load<u16>(pair, 2));
  if (kind == BF16) return reinterpret<f32>(<u32> load<u16>(pair, 2) << 16);
  return load<f32>(pair, 4);
}

/** Bytes of the scale and the bias of a group. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function pairBytes(kind: i32): usize {
  return kind == F16 || kind == BF16 ? 4 : 8;
}

/** What the masked bits of each lane are multiplied by. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function factors(bits: i32): v128 {
  return bits == 4
    ? f32x4(1, 1 / 16.0, 1 / 256.0, 1 / 4096.0)
    : f32x4.splat(1);
}

/** Four steps from the low bits of a word, in 4 bits times powers of two. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function steps(word: u32, bits: i32): v128 {
  const lanes = i32x4.splat(word);
  return bits == 4
    ? f32x4.convert_i32x4_s(
      v128.and(lanes, i32x4(0xf, 0xf0, 0xf00, 0xf000)),
    )
    : f32x4.convert_i32x4_s(
      i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(lanes)),
    );
}

/** Stores four lines of four as four columns, 32 bytes apart. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function storeTurned(to: usize, l0: v128, l1: v128, l2: v128, l3: v128): void {
  const a = v128.shuffle<f32>(l0, l1, 0, 4, 1, 5);
  const b = v128.shuffle<f32>(l2, l3, 0, 4, 1, 5);
  const c = v128.shuffle<f32>(l0, l1, 2, 6, 3, 7);
  const d = v128.shuffle<f32>(l2, l3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(a, b, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(a, b, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(c, d, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(c, d, 2, 3, 6, 7), 96);
}

/** Unpacks four lines of `inner` elements into half of a panel. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function unpackFour(
  words: usize,
  w1: usize,
  w2: usize,
  w3: usize,
  pairs: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  kind: i32,
  bits: i32,
  group: i32,
  inner: i32,
  to: usize,
): void {
  const factor = factors(bits);
  for (let start = 0; start < inner; start += group) {
    const s0 = f32x4.mul(factor, f32x4.splat(scaleOf(pairs, kind)));
    const s1 = f32x4.mul(factor, f32x4.splat(scaleOf(pairs + p1, kind)));
    const s2 = f32x4.mul(factor, f32x4.splat(scaleOf(pairs + p2, kind)));
    const s3 = f32x4.mul(factor, f32x4.splat(scaleOf(pairs + p3, kind)));
    const b0 = f32x4.splat(biasOf(pairs, kind));
    const b1 = f32x4.splat(biasOf(pairs + p1, kind));
    const b2 = f32x4.splat(biasOf(pairs + p2, kind));
    const b3 = f32x4.splat(biasOf(pairs + p3, kind));
    const end = min(group, inner - start);
    for (let k = 0; k < end; k += 32 / bits, words += 4) {
      let x0 = load<u32>(words);
      let x1 = load<u32>(words + w1);
      let x2 = load<u32>(words + w2);
      let x3 = load<u32>(words + w3);
      for (let part = 0; part < 8 / bits; part++) {
        storeTurned(
          to,
          multiplyAdd(steps(x0, bits), s0, b0),
          multiplyAdd(steps(x1, bits), s1, b1),
          multiplyAdd(steps(x2, bits), s2, b2),
          multiplyAdd(steps(x3, bits), s3, b3),
        );
        to += 128;
        x0 >>= 16;
        x1 >>= 16;
        x2 >>= 16;
        x3 >>= 16;
      }
    }
    pairs += pairBytes(kind);
  }
}

/**
 * Unpacks panels of eight columns of a right matrix whose columns are the rows
 * of the weight. A unit is a panel; the panels lie as `packRight` has them.
 */
export function unpackColumns(
  first: i32,
  last: i32,
  _scratch: usize,
  words: usize,
  wordRow: usize,
  pairs: usize,
  pairRow: usize,
  kind: i32,
  bits: i32,
  group: i32,
  n: i32,
  k: i32,
  packed: usize,
): void {
  const panels = (n + COLUMNS - 1) / COLUMNS;
  const wordBlock = <usize> (BLOCK * bits / 8);
  const pairBlock = <usize> (BLOCK / group) * pairBytes(kind);
  for (let unit = first; unit < last; unit++) {
    for (let half = 0; half < COLUMNS; half += 4) {
      // Columns past the last repeat it: what they give is not stored.
      const column = min(unit * COLUMNS + half, n - 1);
      const left = n - 1 - column;
      const l1 = <usize> min(1, left);
      const l2 = <usize> min(2, left);
      const l3 = <usize> min(3, left);
      const w1 = l1 * wordRow;
      const w2 = l2 * wordRow;
      const w3 = l3 * wordRow;
      const p1 = l1 * pairRow;
      const p2 = l2 * pairRow;
      const p3 = l3 * pairRow;
      let word = words + <usize> column * wordRow;
      let pair = pairs + <usize> column * pairRow;
      let to = packed + (<usize> half << 2);
      for (let start = 0; start < k; start += BLOCK) {
        const inner = min(BLOCK, k - start);
        const at = to + (<usize> (unit * inner * COLUMNS) << 2);
        if (bits == 4) {
          unpackFour(word, w1, w2, w3, pair, p1, p2, p3, kind, 4, group, inner, at);
        } else {
          unpackFour(word, w1, w2, w3, pair, p1, p2, p3, kind, 8, group, inner, at);
        }
        word += wordBlock;
        pair += pairBlock;
        to += <usize> (panels * inner * COLUMNS) << 2;
      }
    }
  }
}

/**
 * Unpacks panels of eight columns of a right matrix whose rows are the rows of
 * the weight, a whole number of panels. A unit is a panel.
 */
export function unpackRows(
  first: i32,
  last: i32,
  _scratch: usize,
  words: usize,
  wordRow: usize,
  pairs: usize,
  pairRow: usize,
  kind: i32,
  bits: i32,
  group: i32,
  n: i32,
  k: i32,
  packed: usize,
): void {
  const panels = n / COLUMNS;
  const factor = factors(bits);
  for (let unit = first; unit < last; unit++) {
    const column = unit * COLUMNS;
    let word = words + <usize> (column * bits / 8);
    let pair = pairs + <usize> (column / group) * pairBytes(kind);
    let to = packed;
    for (let start = 0; start < k; start += BLOCK) {
      const inner = min(BLOCK, k - start);
      let at = to + (<usize> (unit * inner * COLUMNS) << 2);
      for (let row = 0; row < inner; row++) {
        const scale = f32x4.mul(factor, f32x4.splat(scaleOf(pair, kind)));
        const bias = f32x4.splat(biasOf(pair, kind));
        const low = load<u32>(word);
        if (bits == 4) {
          v128.store(at, multiplyAdd(steps(low, 4), scale, bias));
          v128.store(at, multiplyAdd(steps(low >> 16, 4), scale, bias), 16);
        } else {
          const high = load<u32>(word, 4);
          v128.store(at, multiplyAdd(steps(low, 8), scale, bias));
          v128.store(at, multiplyAdd(steps(high, 8), scale, bias), 16);
        }
        word += wordRow;
        pair += pairRow;
        at += 32;
      }
      to += <usize> (panels * inner * COLUMNS) << 2;
    }
  }
}

/**
 * Makes rows ready for `rowsByQuantized`: the elements times the powers of two
 * that masked bits lack, then the sum of each group. A unit is a row.
 */
export function prepareRows(
  first: i32,
  last: i32,
  _scratch: usize,
  a: usize,
  aRow: usize,
  k: i32,
  bits: i32,
  group: i32,
  out: usize,
): void {
  const factor = factors(bits);
  const line = <usize> (k + k / group) << 2;
  for (let row = first; row < last; row++) {
    let from = a + <usize> row * aRow;
    let to = out + <usize> row * line;
    let sums = to + (<usize> k << 2);
    for (let start = 0; start < k; start += group) {
      let sum = f32x4.splat(0);
      for (let i = 0; i < group; i += 4, from += 16, to += 16) {
        const x = v128.load(from);
        sum = f32x4.add(sum, x);
        v128.store(to, f32x4.mul(x, factor));
      }
      f32.store(sums, sumOf(sum));
      sums += 4;
    }
  }
}

/** One prepared row by one row of the weight. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function dot(
  x: usize,
  word: usize,
  pair: usize,
  kind: i32,
  bits: i32,
  group: i32,
  k: i32,
): f32 {
  let sums = x + (<usize> k << 2);
  let all = f32x4.splat(0);
  let rest: f32 = 0;
  for (let start = 0; start < k; start += group) {
    let c0 = f32x4.splat(0);
    let c1 = f32x4.splat(0);
    for (let i = 0; i < group; i += 8, x += 32, word += bits) {
      const low = load<u32>(word);
      const high = bits == 4 ? low >> 16 : load<u32>(word, 4);
      c0 = multiplyAdd(steps(low, bits), v128.load(x), c0);
      c1 = multiplyAdd(steps(high, bits), v128.load(x, 16), c1);
    }
    const scale = f32x4.splat(scaleOf(pair, kind));
    all = multiplyAdd(f32x4.add(c0, c1), scale, all);
    rest += biasOf(pair, kind) * load<f32>(sums);
    sums += 4;
    pair += pairBytes(kind);
  }
  return sumOf(all) + rest;
}

/**
 * Multiplies prepared rows by the rows of a weight, which is read once, where it
 * lies. A unit is 32 columns of the result.
 */
export function rowsByQuantized(
  first: i32,
  last: i32,
  _scratch: usize,
  rows: usize,
  m: i32,
  words: usize,
  wordRow: usize,
  pairs: usize,
  pairRow: usize,
  kind: i32,
  bits: i32,
  group: i32,
  n: i32,
  k: i32,
  out: usize,
  outRow: usize,
): void {
  const line = <usize> (k + k / group) << 2;
  const end = min(last * UNIT, n);
  for (let column = first * UNIT; column < end; column++) {
    const word = words + <usize> column * wordRow;
    const pair = pairs + <usize> column * pairRow;
    let to = out + (<usize> column << 2);
    let row = rows;
    for (let i = 0; i < m; i++, row += line, to += outRow) {
      f32.store(
        to,
        bits == 4
          ? dot(row, word, pair, kind, 4, group, k)
          : dot(row, word, pair, kind, 8, group, k),
      );
    }
  }
}

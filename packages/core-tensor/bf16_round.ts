const FLOAT = new Float32Array(1);
const WORD = new Uint32Array(FLOAT.buffer);

/**
 * Rounds to the nearest `bf16`, ties to even. Its bits are the upper half of an
 * f32's.
 *
 * @param value The number.
 * @returns The rounded number.
 */
export function bf16Round(value: number): number {
  if (Number.isNaN(value)) return NaN;
  FLOAT[0] = value;
  const bits = WORD[0]!;
  WORD[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return FLOAT[0]!;
}

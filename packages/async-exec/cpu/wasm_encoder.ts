/** A module of WebAssembly with one function, which is exported as `run`. */
export interface WasmFunction {
  /** How many numbers of 32 bits it is given. */
  readonly parameters: number;
  /** How many vectors it keeps; they are numbered after the parameters. */
  readonly vectors: number;
  /** Names of functions of `functions`, from one vector to one. */
  readonly imports: readonly string[];
  /** The instructions, without the last `end`. */
  readonly code: readonly number[];
  /** The most pages of the memory that it shares. */
  readonly maximumPages: number;
}

const I32 = 0x7f;
const V128 = 0x7b;
const FUNCTION = 0x60;

/**
 * Writes a number in the variable length that WebAssembly has for unsigned.
 *
 * @param value The number, at least 0 and less than 2^32.
 * @returns The bytes.
 */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    if (rest === 0) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/**
 * The same for signed numbers, as `i32.const` has them.
 *
 * @param value The number, of 32 bits.
 * @returns The bytes.
 */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const sign = low & 0x40;
    if ((rest === 0 && !sign) || (rest === -1 && sign)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/**
 * Writes a module.
 *
 * @param wanted Its function.
 * @returns The bytes.
 * @see https://webassembly.github.io/spec/core/binary/modules.html
 */
export function encodeWasm(wanted: WasmFunction): Uint8Array<ArrayBuffer> {
  const { parameters, vectors, imports, code, maximumPages } = wanted;
  const name = (text: string): number[] => {
    const bytes = new TextEncoder().encode(text);
    return [...unsigned(bytes.length), ...bytes];
  };
  const list = (items: readonly number[][]): number[] => [
    ...unsigned(items.length),
    ...items.flat(),
  ];
  const section = (id: number, content: number[]): number[] => [
    ...[id, ...unsigned(content.length)],
    ...content,
  ];
  const types = [
    [FUNCTION, ...list(new Array(parameters).fill([I32])), 0],
    [FUNCTION, 1, V128, 1, V128],
  ];
  const sharedMemory = [2, 3, 1, ...unsigned(maximumPages)];
  const functions = imports.map((text) => [
    ...name("functions"),
    ...name(text),
    ...[0, 1],
  ]);
  const body = [1, ...unsigned(vectors), V128, ...code, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(
      2,
      list([
        [...name("env"), ...name("memory"), ...sharedMemory],
        ...functions,
      ]),
    ),
    ...section(3, list([[0]])),
    ...section(7, list([[...name("run"), 0, ...unsigned(imports.length)]])),
    ...section(10, list([[...unsigned(body.length), ...body]])),
  ]);
}

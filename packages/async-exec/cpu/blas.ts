import type { SharedMemory } from "./memory.ts";

/** Matrices of single precision for a BLAS, in elements. */
export interface BlasProduct {
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** The inner size. */
  readonly k: number;
  /** What the product is multiplied by. */
  readonly alpha: number;
  /** The address of the left matrix. */
  readonly a: number;
  /** Whether it lies by columns. */
  readonly aTransposed: boolean;
  /** Elements from a row, or column, of it to the next. */
  readonly aLine: number;
  /** The address of the right matrix. */
  readonly b: number;
  /** Whether it lies by columns. */
  readonly bTransposed: boolean;
  /** Elements from a row, or column, of it to the next. */
  readonly bLine: number;
  /** What the result is multiplied by before the product is added. */
  readonly beta: number;
  /** The address of the result. */
  readonly out: number;
  /** Elements from a row of it to the next. */
  readonly outLine: number;
}

/** A library of matrix products. */
export interface Blas {
  /** Its name, for people. */
  readonly name: string;
  /** Multiplies matrices in the memory on so many threads. */
  multiply(product: BlasProduct, threads: number): void;
  /** Gives the library back. */
  close(): void;
}

const ROW_MAJOR = 101;
const PLAIN = 111;
const TRANSPOSED = 112;

const SYMBOLS = {
  cblas_sgemm: {
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32"] as const,
      ...["f32", "usize", "i32", "usize", "i32"] as const,
      ...["f32", "usize", "i32"] as const,
    ],
    result: "void",
  },
  openblas_get_num_threads: {
    parameters: [],
    result: "i32",
    optional: true,
  },
  openblas_set_num_threads: {
    parameters: ["i32"],
    result: "void",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Where a BLAS may be found, by system, best first. */
const LIBRARIES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  darwin: [[
    "Accelerate",
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
  ]],
  linux: [["OpenBLAS", "libopenblas.so.0"], ["BLAS", "libcblas.so.3"]],
  windows: [["OpenBLAS", "libopenblas.dll"]],
};

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/**
 * Looks for a BLAS, where the process may call native code without asking.
 *
 * @param memory The memory that the matrices lie in.
 * @returns The BLAS; undefined if there is none.
 */
export function openBlas(memory: SharedMemory): Blas | undefined {
  if (typeof Deno === "undefined") return undefined;
  for (const [name, path] of LIBRARIES[Deno.build.os] ?? []) {
    const library = openLibrary(path!);
    if (library) return blasOf(name!, library, memory);
  }
  return undefined;
}

function openLibrary(path: string): Library | undefined {
  const { state } = Deno.permissions.querySync({ name: "ffi", path });
  if (state !== "granted") return undefined;
  try {
    return Deno.dlopen(path, SYMBOLS);
  } catch {
    // Not there, or without the function: another one may do.
    return undefined;
  }
}

function blasOf(name: string, library: Library, memory: SharedMemory): Blas {
  const { symbols } = library;
  // Addresses of a process have 47 bits: doubles hold them.
  const base = Number(Deno.UnsafePointer.value(
    Deno.UnsafePointer.of(new Uint8Array(memory.memory.buffer)),
  ));
  // Setting what is set is not free of races between threads of a process.
  let count = symbols.openblas_get_num_threads?.() ?? 0;
  return {
    name,
    multiply(product, threads) {
      if (threads !== count) symbols.openblas_set_num_threads?.(threads);
      count = threads;
      symbols.cblas_sgemm(
        ROW_MAJOR,
        product.aTransposed ? TRANSPOSED : PLAIN,
        product.bTransposed ? TRANSPOSED : PLAIN,
        ...[product.m, product.n, product.k] as const,
        product.alpha,
        ...[BigInt(base + product.a), product.aLine] as const,
        ...[BigInt(base + product.b), product.bLine] as const,
        product.beta,
        ...[BigInt(base + product.out), product.outLine] as const,
      );
    },
    close: () => library.close(),
  };
}

/**
 * Tells whether the environment variable `WICK_BLAS` is anything but `off`.
 *
 * @returns Whether a BLAS is wanted.
 */
export function blasIsWanted(): boolean {
  if (typeof Deno === "undefined") return false;
  const variable = "WICK_BLAS";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state !== "granted" || Deno.env.get(variable) !== "off";
}

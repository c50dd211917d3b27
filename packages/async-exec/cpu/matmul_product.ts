import type { CpuMachine } from "./cpu_machine.ts";
import { matmul, type MatmulJoint, type MatmulLayout } from "./matmul.ts";

/** A product of a batch of matrices: addresses, and strides in elements. */
export interface Product extends MatmulLayout {
  /** The address of the left matrices. */
  readonly a: number;
  /** The address of the right matrices. */
  readonly b: number;
  /** The address of the results. */
  readonly out: number;
  /** What the product is multiplied by. */
  readonly scale: number;
  /** Whether it is added to what is there. */
  readonly add: boolean;
}

/** Additions and products that one thread does in a nanosecond, about. */
export const WORK_RATE = 40;
/** Work of a unit where little is shared: four microseconds. */
const UNIT_WORK = 4000 * WORK_RATE;
/** Work for less than this is not worth a call of native code. */
const BLAS_WORK = 2 ** 17;
/** Bytes of the right matrices that are packed at once. */
export const PACKED_BYTES = 2 ** 24;
/** Rows and columns of a unit, multiples of those of a tile. */
const UNIT_ROWS = 96;
const LEAST_COLUMNS = 64;
/** A right matrix of fewer elements may be read by each unit. */
const SMALL_SIDE = 2 ** 16;
const TILE_ROWS = 6;
const TILE_COLUMNS = 8;
/** Tiles of so few columns have more rows. */
const NARROW_TILE = { rows: 8, columns: 4 };
/** With at most so many rows the right matrix is not packed. */
const FEW_ROWS = { byColumns: 6, byRows: 3 };
/** Columns of a unit of few rows. */
const ROWS_UNIT = 32;
/**
 * With an outer or inner size up to here a right matrix by rows is read where it
 * lies, and up to twice as much where there are few rows.
 */
const NARROW = 32;
/** With at most so many rows the columns of a right matrix are, too. */
const LOW_ROWS = 128;
/** With a shorter inner size the sums across lanes cost too much. */
const LEAST_DOT = 64;

/**
 * Multiplies matrices by the fastest means there are: a BLAS for large ones,
 * else WebAssembly, on several threads for large ones. What lies elsewhere than
 * in the memory of the machine is multiplied in plain TypeScript.
 *
 * Sums of WebAssembly are f32 in blocks of 256 along k, each added to the
 * result; their order depends on no number of threads.
 *
 * @param machine What it runs on.
 * @param a The left matrices.
 * @param b The right matrices.
 * @param out Where the results go.
 * @param layout Sizes and strides.
 * @param joint A second product that is added to each result.
 */
export function multiply(
  machine: CpuMachine,
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  layout: MatmulLayout,
  joint?: MatmulJoint,
): void {
  const { memory } = machine;
  const left = memory.addressOf(a);
  const right = memory.addressOf(b);
  const to = memory.addressOf(out);
  const c = joint && memory.addressOf(joint.c);
  const d = joint && memory.addressOf(joint.d);
  if (
    left === undefined || right === undefined ||
    to === undefined || (joint && (c === undefined || d === undefined))
  ) {
    matmul(a, b, out, layout, joint);
    return;
  }
  const first = { a: left, b: right, out: to, scale: 1, add: false };
  const { m, n, k, batch } = layout;
  if (k === 0) {
    const { outOffset = 0 } = layout;
    out.fill(0, outOffset, outOffset + batch * m * n);
  } else add(machine, { ...layout, ...first });
  if (!joint || joint.rank === 0) return;
  addJoint(machine, { c: c!, d: d!, out: to }, layout, joint);
}

/**
 * Adds the second product of a joint one to the first.
 *
 * @param machine What it runs on.
 * @param places The addresses of both matrices and of the results.
 * @param places.c The left matrix.
 * @param places.d The right matrix.
 * @param places.out The results.
 * @param layout The first product.
 * @param joint The second product.
 */
export function addJoint(
  machine: CpuMachine,
  { c, d, out }: {
    readonly c: number;
    readonly d: number;
    readonly out: number;
  },
  { m, n, outOffset = 0 }: MatmulLayout,
  joint: MatmulJoint,
): void {
  add(machine, {
    ...{ a: c, b: d, out, scale: joint.scale, add: true },
    ...{ batch: 1, m, n, k: joint.rank },
    ...{ aOffset: joint.cOffset, aBatch: 0 },
    ...{ aRow: joint.cRow, aColumn: joint.cColumn },
    ...{ bOffset: joint.dOffset, bBatch: 0 },
    ...{ bRow: joint.dRow, bColumn: joint.dColumn },
    outOffset,
  });
}

function add(machine: CpuMachine, product: Product): void {
  const { batch, m, n, k } = product;
  if (batch * m * n === 0) return;
  // A BLAS is no faster with few rows: it waits for the memory.
  if (addRows(machine, product)) return;
  if (2 * m * n * k >= BLAS_WORK && addByBlas(machine, product)) return;
  if (addDirectly(machine, product)) return;
  addByWasm(machine, product);
}

function addByBlas(machine: CpuMachine, product: Product): boolean {
  const { blas, threads } = machine;
  const { batch, m, n, k, scale, out, outOffset = 0 } = product;
  const a = blasSide(product.aRow, product.aColumn, m, k);
  const b = blasSide(product.bRow, product.bColumn, k, n);
  if (!blas || !a || !b) return false;
  for (let matrix = 0; matrix < batch; matrix++) {
    blas.multiply({
      ...{ m, n, k, alpha: scale, beta: product.add ? 1 : 0 },
      a: product.a + 4 * (product.aOffset + matrix * product.aBatch),
      ...{ aTransposed: a.transposed, aLine: a.line },
      b: product.b + 4 * (product.bOffset + matrix * product.bBatch),
      ...{ bTransposed: b.transposed, bLine: b.line },
      out: out + 4 * (outOffset + matrix * m * n),
      outLine: n,
    }, threads);
  }
  return true;
}

/** How a BLAS is told the strides of a matrix; undefined if it cannot be. */
function blasSide(
  row: number,
  column: number,
  rows: number,
  columns: number,
): { transposed: boolean; line: number } | undefined {
  if (column === 1 && row >= columns) return { transposed: false, line: row };
  if (row === 1 && column >= rows) return { transposed: true, line: column };
  return undefined;
}

/** Multiplies few rows by right matrices where they lie. */
function addRows(machine: CpuMachine, product: Product): boolean {
  const { batch, m, n, k, aRow, aColumn, bRow, bColumn } = product;
  const byColumns = bRow === 1 && aColumn === 1 && m <= FEW_ROWS.byColumns;
  if (!byColumns && (bColumn !== 1 || m > FEW_ROWS.byRows)) return false;
  const shared = machine.shares(2 * m * n * k / WORK_RATE);
  for (let matrix = 0; matrix < batch; matrix++) {
    const a = product.a + 4 * (product.aOffset + matrix * product.aBatch);
    const b = product.b + 4 * (product.bOffset + matrix * product.bBatch);
    const to = product.out + 4 * ((product.outOffset ?? 0) + matrix * m * n);
    const rest = [to, 4 * n, m, n, k, product.scale, product.add ? 1 : 0];
    const units = Math.ceil(n / ROWS_UNIT);
    if (byColumns) {
      const sizes = [a, 4 * aRow, b, 4 * bColumn, ...rest];
      machine.run("rowsByColumns", units, sizes, shared);
    } else {
      const sizes = [a, 4 * aRow, 4 * aColumn, b, 4 * bRow, ...rest];
      machine.run("rowsByRows", units, sizes, shared);
    }
  }
  return true;
}

/**
 * Multiplies matrices where they lie, if packing the right ones would cost more
 * than it saves. One core, against packed panels: 64×512 by [512, 8] 12 µs and
 * 13, 64×8 by [8, 512] 17 and 20, 64×512 by [512, 512] in columns 790 and 880.
 */
function addDirectly(machine: CpuMachine, product: Product): boolean {
  const { batch, m, n, k, aRow, aColumn, bRow, bColumn } = product;
  const narrow = m <= LOW_ROWS ? 2 * NARROW : NARROW;
  const byRows = bColumn === 1 && (n <= narrow || k <= narrow);
  const byColumns = bRow === 1 && aColumn === 1 && m <= LOW_ROWS &&
    k >= LEAST_DOT;
  if (!byRows && !byColumns) return false;
  const shared = machine.shares(2 * batch * m * n * k / WORK_RATE);
  const [unitRows, unitColumns] = shared
    ? unitSizes(batch, m, n, k, machine)
    : [UNIT_ROWS, n];
  const units = batch * Math.ceil(m / unitRows) * Math.ceil(n / unitColumns);
  const a = product.a + 4 * product.aOffset;
  const b = product.b + 4 * product.bOffset;
  const out = product.out + 4 * (product.outOffset ?? 0);
  const { aBatch, bBatch, scale } = product;
  const add = product.add ? 1 : 0;
  // Written out, since it takes as long as a small product to put lists together.
  // deno-fmt-ignore
  if (byRows) {
    machine.run("multiplyByRows", units, [
      a, 4 * aBatch, 4 * aRow, 4 * aColumn, b, 4 * bBatch, 4 * bRow,
      out, 4 * m * n, 4 * n, m, n, k, unitRows, unitColumns, scale, add,
    ], shared);
  } else {
    machine.run("multiplyByColumns", units, [
      a, 4 * aBatch, 4 * aRow, b, 4 * bBatch, 4 * bColumn,
      out, 4 * m * n, 4 * n, m, n, k, unitRows, unitColumns, scale, add,
    ], shared);
  }
  return true;
}

function addByWasm(machine: CpuMachine, product: Product): void {
  const { batch, n, k, bBatch } = product;
  const padded = Math.ceil(n / TILE_COLUMNS) * TILE_COLUMNS;
  const most = Math.floor(PACKED_BYTES / (4 * k));
  const columns = Math.min(
    padded,
    Math.max(most - most % TILE_COLUMNS, TILE_COLUMNS),
  );
  // A right matrix that is repeated is packed once.
  const matrices = bBatch === 0
    ? batch
    : Math.max(1, Math.min(batch, Math.floor(most / columns)));
  for (let matrix = 0; matrix < batch; matrix += matrices) {
    for (let column = 0; column < n; column += columns) {
      addPart(machine, product, {
        ...{ matrix, column },
        matrices: Math.min(matrices, batch - matrix),
        columns: Math.min(columns, n - column),
      });
    }
  }
}

/** A part of a product: some columns of some matrices. */
export interface ProductPart {
  /** The first matrix. */
  readonly matrix: number;
  /** The first column. */
  readonly column: number;
  /** How many matrices. */
  readonly matrices: number;
  /** How many columns. */
  readonly columns: number;
}

/** Packs some columns of some right matrices, and multiplies by them. */
function addPart(
  machine: CpuMachine,
  product: Product,
  part: ProductPart,
): void {
  const { m, k, bBatch, bRow, bColumn } = product;
  const { matrix, column, matrices, columns } = part;
  const shared = machine.shares(2 * matrices * m * columns * k / WORK_RATE);
  const panels = Math.ceil(columns / TILE_COLUMNS);
  const each = 4 * k * panels * TILE_COLUMNS;
  const rights = bBatch === 0 ? 1 : matrices;
  const packed = machine.scratch(rights * each);
  machine.run("packRight", rights * panels, [
    product.b + 4 * (product.bOffset + matrix * bBatch + column * bColumn),
    ...[4 * bBatch, 4 * bRow, 4 * bColumn],
    ...[columns, k, product.scale, packed],
  ], shared);
  multiplyPanels(machine, product, part, packed, shared);
}

/**
 * Multiplies by panels of right matrices, as `packRight` makes them.
 *
 * @param machine What it runs on.
 * @param product The product.
 * @param part The part of it whose panels these are.
 * @param packed Their address.
 * @param shared Whether the threads share the work.
 */
export function multiplyPanels(
  machine: CpuMachine,
  product: Product,
  { matrix, column, matrices, columns }: ProductPart,
  packed: number,
  shared: boolean,
): void {
  const { m, n, k, aBatch, aRow, aColumn, bBatch } = product;
  const each = 4 * k * Math.ceil(columns / TILE_COLUMNS) * TILE_COLUMNS;
  const [unitRows, unitColumns] = unitSizes(matrices, m, columns, k, machine);
  const units = matrices * Math.ceil(m / unitRows) *
    Math.ceil(columns / unitColumns);
  machine.run("multiplyPacked", units, [
    product.a + 4 * (product.aOffset + matrix * aBatch),
    ...[4 * aBatch, 4 * aRow, 4 * aColumn],
    ...[packed, bBatch === 0 ? 0 : each],
    product.out + 4 * ((product.outOffset ?? 0) + matrix * m * n + column),
    ...[4 * m * n, 4 * n, m, columns, k],
    ...[unitRows, unitColumns, product.add ? 1 : 0],
  ], shared);
}

/**
 * Cuts products to units of rows, and few rows by columns too, so that every
 * thread has something to do.
 */
function unitSizes(
  matrices: number,
  m: number,
  columns: number,
  k: number,
  { threads }: CpuMachine,
): [number, number] {
  const worth = 2 * matrices * m * columns * k / UNIT_WORK / threads;
  const wanted = threads * Math.min(4, Math.max(Math.ceil(worth), 1));
  const rows = matrices * Math.ceil(m / UNIT_ROWS);
  const all = columns + TILE_COLUMNS - 1;
  const whole = all - all % TILE_COLUMNS;
  if (threads === 1 || rows >= wanted) return [UNIT_ROWS, whole];
  const tile = columns <= NARROW_TILE.columns ? NARROW_TILE.rows : TILE_ROWS;
  const low = Math.ceil(matrices * m / wanted / tile) * tile;
  const narrow = columns < LEAST_COLUMNS * threads;
  if (low >= UNIT_ROWS / 2 || narrow || k * columns <= SMALL_SIDE) {
    return [low, whole];
  }
  const share = Math.ceil(columns / wanted / TILE_COLUMNS) * TILE_COLUMNS;
  return [UNIT_ROWS, Math.max(share, LEAST_COLUMNS)];
}

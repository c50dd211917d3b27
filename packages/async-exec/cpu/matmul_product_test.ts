import { assertClose, random } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { CpuMachine, type CpuMachineOptions } from "./cpu_machine.ts";
import { matmul, type MatmulJoint, type MatmulLayout } from "./matmul.ts";
import { multiply } from "./matmul_product.ts";

const ONE: CpuMachineOptions = { threads: 1, blas: false };

interface Case {
  m: number;
  n: number;
  k: number;
  batch?: number;
  rank?: number;
  aTransposed?: boolean;
  bTransposed?: boolean;
  bShared?: boolean;
}

/** Dense matrices with a few elements before them. */
function layoutOf(
  { m, n, k, batch = 1, aTransposed, bTransposed, bShared }: Case,
): MatmulLayout {
  return {
    ...{ batch, m, n, k, aOffset: 3, bOffset: 5, outOffset: 2 },
    aBatch: m * k,
    aRow: aTransposed ? 1 : k,
    aColumn: aTransposed ? m : 1,
    bBatch: bShared ? 0 : k * n,
    bRow: bTransposed ? 1 : n,
    bColumn: bTransposed ? k : 1,
  };
}

/** Operands of a product, and room for it with elements around it. */
class Operands {
  readonly layout: MatmulLayout;
  readonly joint: MatmulJoint | undefined;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly out: Float32Array;
  readonly #machine: CpuMachine;
  readonly #addresses: number[] = [];

  constructor(machine: CpuMachine, one: Case) {
    const { m, n, k, batch = 1, rank = 0 } = one;
    this.#machine = machine;
    this.layout = layoutOf(one);
    this.a = this.#filled(batch * m * k + 3, 1);
    this.b = this.#filled(batch * k * n + 5, 2);
    this.out = this.#filled(batch * m * n + 4, 3);
    this.joint = rank === 0 ? undefined : {
      ...{ c: this.#filled(m * rank + 1, 4), cOffset: 1 },
      ...{ cRow: 1, cColumn: m, rank, scale: -1.5 },
      ...{ d: this.#filled(rank * n + 2, 5), dOffset: 2 },
      ...{ dRow: n, dColumn: 1 },
    };
  }

  #filled(count: number, seed: number): Float32Array {
    const { memory } = this.#machine;
    const address = memory.allocate(4 * count);
    this.#addresses.push(address);
    const array = memory.floats(address, count);
    array.set(random([count], seed).values);
    return array;
  }

  /** The product as the machine computes it. */
  product(machine = this.#machine): Float32Array {
    this.out.fill(7);
    multiply(machine, this.a, this.b, this.out, this.layout, this.joint);
    return this.out.slice();
  }

  /** The product in plain TypeScript, whose sums are float64. */
  expected(): Float32Array {
    const out = new Float32Array(this.out.length).fill(7);
    matmul(this.a, this.b, out, this.layout, this.joint);
    return out;
  }

  [Symbol.dispose](): void {
    for (const address of this.#addresses) this.#machine.memory.free(address);
  }
}

function check(machine: CpuMachine, one: Case): void {
  using operands = new Operands(machine, one);
  // Sums of k products below 1 are off by half a unit of 24 bits each time.
  const atol = 1e-6 * Math.sqrt(one.k + 1);
  assertClose(operands.product(), operands.expected(), { rtol: 1e-5, atol });
}

const SIZES = [1, 2, 5, 6, 7, 8, 9, 34, 65];
for (const aTransposed of [false, true]) {
  for (const bTransposed of [false, true]) {
    const sides = { aTransposed, bTransposed };
    const name = `${aTransposed ? "aᵀ" : "a"}·${bTransposed ? "bᵀ" : "b"}`;
    Deno.test(`multiply() in WebAssembly is right for ${name}`, () => {
      const machine = new CpuMachine(ONE);
      for (const m of SIZES) {
        for (const n of SIZES) {
          for (const k of [0, 1, 3, 8, 65, 260]) {
            check(machine, { m, n, k, ...sides });
          }
        }
      }
      check(machine, { m: 130, n: 300, k: 530, ...sides });
      check(machine, { m: 3, n: 4097, k: 1000, ...sides });
      check(machine, { m: 1000, n: 3, k: 4097, ...sides });
      machine.close();
    });
    Deno.test(`multiply() in WebAssembly takes batches of ${name}`, () => {
      const machine = new CpuMachine(ONE);
      for (const m of [2, 13]) {
        check(machine, { batch: 3, m, n: 11, k: 6, ...sides });
        check(machine, { batch: 5, m, n: 7, k: 6, bShared: true, ...sides });
      }
      // More than fits the room for packed matrices.
      check(machine, { batch: 5, m: 1, n: 1000, k: 1001, ...sides });
      check(machine, { m: 2, n: 4300, k: 1000, ...sides });
      machine.close();
    });
    Deno.test(`multiply() in WebAssembly adds a second product to ${name}`, () => {
      const machine = new CpuMachine(ONE);
      for (const m of [1, 6, 100]) {
        for (const k of [0, 35]) {
          check(machine, { m, n: 67, k, rank: 5, ...sides });
        }
      }
      machine.close();
    });
  }
}

Deno.test("multiply() gives the same bits on any number of threads", () => {
  const one = new CpuMachine(ONE);
  for (
    const size of [
      { m: 1152, n: 352, k: 128, rank: 8, bTransposed: true },
      { m: 128, n: 360, k: 1151, aTransposed: true },
      { m: 40, n: 1031, k: 300 },
      { batch: 64, m: 72, n: 72, k: 32, bTransposed: true },
    ]
  ) {
    using operands = new Operands(one, size);
    const want = operands.product();
    for (const threads of [2, 3, 7]) {
      const many = new CpuMachine({ threads, blas: false });
      for (let round = 0; round < 5; round++) {
        assertEquals(operands.product(many), want);
      }
      many.close();
    }
  }
  one.close();
});

Deno.test("multiply() reads rows with gaps, and repeated columns", () => {
  const machine = new CpuMachine(ONE);
  using operands = new Operands(machine, { m: 20, n: 30, k: 40 });
  const layout = { ...operands.layout, m: 6, n: 15, k: 4 };
  for (const side of [{ aRow: 14, aColumn: 2 }, { bRow: 3, bColumn: 0 }]) {
    const want = new Float32Array(operands.out.length).fill(7);
    matmul(operands.a, operands.b, want, { ...layout, ...side });
    operands.out.fill(7);
    const { a, b, out } = operands;
    multiply(machine, a, b, out, { ...layout, ...side });
    assertClose(out, want, { rtol: 1e-5, atol: 1e-6 });
  }
  machine.close();
});

Deno.test("multiply() lets infinities and NaN through, and no others", () => {
  const machine = new CpuMachine(ONE);
  for (const [m, k] of [[1, 4], [5, 5], [13, 300]] as const) {
    using operands = new Operands(machine, { m, n: 6, k });
    operands.a.fill(1);
    operands.b.fill(1);
    operands.b[5 + k * 6 - 6] = Infinity; // column 0
    operands.b[5 + 7] = NaN; // column 1
    assertEquals([...operands.product().subarray(-8, -2)], [
      ...[Infinity, NaN, k, k, k, k],
    ]);
  }
  machine.close();
});

Deno.test("multiply() takes arrays that lie elsewhere", () => {
  const machine = new CpuMachine(ONE);
  using operands = new Operands(machine, { m: 4, n: 5, k: 6 });
  const out = new Float32Array(operands.out.length).fill(7);
  multiply(machine, operands.a.slice(), operands.b, out, operands.layout);
  assertEquals(out, operands.expected());
  machine.close();
});

const native = new CpuMachine({ threads: 1 });
const { blas } = native;
native.close();
Deno.test({
  name: "multiply() through a BLAS gives the same",
  ignore: !blas,
  fn: () => {
    const machine = new CpuMachine({ threads: 2 });
    for (const aTransposed of [false, true]) {
      for (const bTransposed of [false, true]) {
        const sides = { aTransposed, bTransposed };
        check(machine, { m: 130, n: 200, k: 150, ...sides });
        check(machine, { batch: 3, m: 130, n: 90, k: 150, ...sides });
        check(machine, { m: 130, n: 200, k: 150, rank: 90, ...sides });
        check(machine, { m: 9, n: 2000, k: 1500, ...sides });
      }
    }
    machine.close();
  },
});

import { assertEquals, assertThrows } from "@std/assert";
import { CpuMachine } from "./cpu_machine.ts";
import { sharedMemory } from "./memory.ts";
import { Threads } from "./threads.ts";
import { wasmModule } from "./wasm_module.ts";

Deno.test("Threads run each unit once, job after job", () => {
  const machine = new CpuMachine({ threads: 4, blas: false });
  const [rows, columns] = [257, 33];
  const x = machine.temporary(rows * columns);
  const out = machine.temporary(rows);
  for (let job = 1; job <= 200; job++) {
    x.fill(job);
    out.fill(NaN);
    const sizes = [x.byteOffset, out.byteOffset, columns];
    machine.run("logSumExpRows", rows, sizes, true);
    const want = Math.fround(job + Math.log(columns));
    assertEquals(out.every((total) => Math.abs(total - want) < 1e-4), true);
  }
  machine.close();
});

Deno.test("CpuMachine shares large work, and small work that comes on end", () => {
  const machine = new CpuMachine({ threads: 2, blas: false });
  assertEquals(machine.shares(1000), false);
  assertEquals(machine.shares(1e6), true);
  assertEquals(machine.shares(10_000), false);
  // Under load a pause may come between two of them now and then.
  let pieces = 0;
  while (!machine.shares(10_000)) pieces++;
  assertEquals(pieces >= 14, true, `${pieces}`);
  machine.close();
  const alone = new CpuMachine({ threads: 1, blas: false });
  assertEquals(alone.shares(1e6), false);
  alone.close();
});

Deno.test("CpuMachine refuses results where its kernels cannot write", () => {
  const machine = new CpuMachine({ threads: 1, blas: false });
  assertThrows(
    () => machine.addressOfResult(new Float32Array(3)),
    TypeError,
    "Cannot write 3 results: they must lie in the memory of the machine",
  );
  const out = machine.temporary(3);
  assertEquals(machine.addressOfResult(out), out.byteOffset);
  machine.close();
});

Deno.test("CpuMachine wants a whole number of threads", () => {
  for (const threads of [0, 1.5, -2, NaN]) {
    assertThrows(
      () => new CpuMachine({ threads }),
      RangeError,
      `Cannot run on ${threads} threads`,
    );
  }
});

Deno.test("Threads that never had work end all the same", () => {
  const memory = sharedMemory();
  new Threads(memory, wasmModule(memory.memory), 3).close();
});

const PROGRAM = `
import { matmul } from "@wick/core-tensor";
import { openDevice } from "@wick/async-exec";
const device = await openDevice({ device: "cpu", threads: 3, blas: false });
const x = device.tensor(new Float32Array(2 ** 18).fill(1), { shape: [512, 512] });
console.log((await matmul(x, x).data())[7]);
`;

for (const close of [false, true]) {
  Deno.test(`a program ends that used threads and ${close ? "closed" : "left"} its device`, async () => {
    const config = `${import.meta.dirname}/../../../deno.json`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        `--config=${config}`,
        "-",
      ],
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const writer = child.stdin.getWriter();
    const text = close ? `${PROGRAM}device.close();` : PROGRAM;
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "512");
    assertEquals(success, true, new TextDecoder().decode(stderr));
  });
}

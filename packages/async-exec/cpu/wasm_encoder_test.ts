import { assertEquals } from "@std/assert";
import { encodeWasm, signed, unsigned } from "./wasm_encoder.ts";

Deno.test("unsigned() and signed() write numbers as the standard says", () => {
  assertEquals(unsigned(0), [0]);
  assertEquals(unsigned(127), [127]);
  assertEquals(unsigned(624485), [0xe5, 0x8e, 0x26]);
  assertEquals(unsigned(2 ** 32 - 1), [0xff, 0xff, 0xff, 0xff, 0x0f]);
  assertEquals(signed(-123456), [0xc0, 0xbb, 0x78]);
  assertEquals(signed(63), [63]);
  assertEquals(signed(64), [0xc0, 0]);
  assertEquals(signed(-64), [0x40]);
});

Deno.test("encodeWasm() writes a function that runs", () => {
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: 2,
    shared: true,
  });
  const bytes = encodeWasm({
    ...{ parameters: 2, vectors: 1, imports: [], maximumPages: 2 },
    // Stores the second parameter at the first.
    code: [0x20, 0, 0x20, 1, 0x36, 0, 0],
  });
  assertEquals(WebAssembly.validate(bytes), true);
  const { exports: { run } } = new WebAssembly.Instance(
    new WebAssembly.Module(bytes),
    { env: { memory } },
  );
  assertEquals(typeof run === "function" && run(8, 42), undefined);
  assertEquals(new Int32Array(memory.buffer)[2], 42);
});

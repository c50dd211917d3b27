import { assertEquals } from "@std/assert";
import { embedKernels } from "./embed_kernels.ts";

/** What the written module exports. */
async function load(kernels: Record<string, string>): Promise<unknown> {
  const code = embedKernels(new Map(Object.entries(kernels)));
  const { SOURCES, KERNEL_NAMES } = await import(
    `data:application/typescript,${encodeURIComponent(code)}`
  );
  return { SOURCES, KERNEL_NAMES };
}

Deno.test("embedKernels() keeps every character", async () => {
  const text = "// `a` costs ${b} \\ \\n\nfn main() {}\n";
  assertEquals(await load({ odd: text }), {
    SOURCES: { odd: text },
    KERNEL_NAMES: ["odd"],
  });
});

Deno.test("embedKernels() makes line ends the same everywhere", async () => {
  assertEquals(await load({ a: "x\r\ny\r\n" }), {
    SOURCES: { a: "x\ny\n" },
    KERNEL_NAMES: ["a"],
  });
});

Deno.test("embedKernels() sorts, so that equal kernels give equal files", () => {
  const one = new Map([["b", "2"], ["a", "1"]]);
  const other = new Map([["a", "1"], ["b", "2"]]);
  assertEquals(embedKernels(one), embedKernels(other));
});

Deno.test("embedKernels() works without kernels", async () => {
  assertEquals(await load({}), { SOURCES: {}, KERNEL_NAMES: [] });
});

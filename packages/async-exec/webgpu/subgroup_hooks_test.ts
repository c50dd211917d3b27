import { hasHook, KERNEL_NAMES, kernelSource } from "@wick/kernels-wgsl";
import { toMetal } from "@wick/testing/metal";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { subgroupHooks } from "./subgroup_hooks.ts";

const KERNELS = KERNEL_NAMES.filter((name) =>
  hasHook(name, "sum_of_row") || hasHook(name, "joined_of_row")
);

for (const kernel of KERNELS) {
  Deno.test(`kernels/${kernel}.wgsl translates to Metal with subgroups`, () => {
    for (const [LANES, ROWS] of [[4, 8], [32, 2], [256, 1]] as const) {
      const sizes = { LANES, ROWS };
      const hooks = subgroupHooks({ kernel, sizes, workgroups: 1 }, 32);
      const text = kernelSource(kernel, { sizes, hooks });
      assertStringIncludes(toMetal(text), "simd_shuffle_xor");
      // No thread waits for another where a row is in one subgroup.
      assertEquals(text.includes("workgroupBarrier"), LANES > 32);
    }
  });
}

import { assert } from "@std/assert";
import { toMetal } from "@wick/testing/metal";
import { KERNEL_NAMES, kernelSource, kernelText } from "./mod.ts";

for (const name of KERNEL_NAMES) {
  Deno.test(`kernels/${name}.wgsl translates to Metal as it stands`, () => {
    const text = kernelText(name);
    const kernels = toMetal(text).match(/\bkernel void /g) ?? [];
    assert(
      kernels.length === (text.match(/@compute\b/g) ?? []).length,
      `${name} has ${kernels.length} kernels in Metal`,
    );
  });

  Deno.test(`kernels/${name}.wgsl translates to Metal specialised`, () => {
    assert(toMetal(kernelSource(name)).includes("#include <metal_stdlib>"));
  });
}

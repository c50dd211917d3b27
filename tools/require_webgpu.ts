/**
 * Fails where no WebGPU adapter is found that can do all that the kernels use,
 * so that a machine that should test them cannot pass by ignoring those tests.
 *
 * @module
 */
const adapter = await navigator.gpu.requestAdapter();
// Without a Vulkan driver Deno may still find an OpenGL one, which has no f16.
if (!adapter?.features.has("shader-f16")) {
  throw new Error(
    "Cannot find a WebGPU adapter with f16: install a Vulkan driver, or unset WICK_REQUIRE_WEBGPU",
  );
}
const line = `WebGPU: ${adapter.info.description || adapter.info.vendor}\n`;
Deno.stdout.writeSync(new TextEncoder().encode(line));

/**
 * Gives the variables that a process with WebGPU is started with. On Linux WebGPU
 * looks for OpenGL drivers, too, though none can do what Wick needs. A process of
 * `deno test` ends its threads while `libEGL.so.1` runs its exit handler, and 3 of
 * 66 died there of a damaged heap; without it 0 of 60.
 *
 * @returns The variables; none where nothing is to be said.
 */
export function gpuEnvironment(): Record<string, string> {
  const given = Deno.env.get("DENO_WEBGPU_BACKEND");
  return Deno.build.os !== "linux"
    ? {}
    : { DENO_WEBGPU_BACKEND: given ?? "vulkan" };
}

import type { Staging } from "./staging.ts";

const THREADS = 64;

/**
 * Finds out whether neighbouring threads of a workgroup can read each other's
 * registers, in groups of one size that lie one after the other: no text says
 * that they must, so it is tried.
 *
 * @param device The GPU; it has none unless the feature `subgroups` was granted.
 * @param staging Reads what was tried.
 * @returns The threads of a subgroup, or `undefined` where kernels cannot use
 * them.
 */
export async function probeSubgroups(
  device: GPUDevice,
  staging: Staging,
): Promise<number | undefined> {
  const { features, adapterInfo } = device;
  const { subgroupMinSize, subgroupMaxSize: size } = adapterInfo;
  const usable = features.has("subgroups") && subgroupMinSize === size &&
    size <= THREADS && Number.isInteger(Math.log2(size));
  if (!usable) return undefined;
  device.pushErrorScope("validation");
  // Deno's WGSL has no line `enable subgroups;`, and takes them without.
  const module = device.createShaderModule({
    label: "subgroups",
    code: `@group(0) @binding(0) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = thread + 1u;
  for (var step = ${size / 2}u; step > 0u; step /= 2u) {
    sum += subgroupShuffleXor(sum, step);
  }
  out[thread] = sum;
}`,
  });
  const pipeline = device.createComputePipeline({
    label: "subgroups",
    layout: "auto",
    compute: { module },
  });
  const buffer = device.createBuffer({
    label: "subgroups",
    size: 4 * THREADS,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  if (await device.popErrorScope()) return undefined;
  const sums = new Uint32Array(await staging.read(buffer, 4 * THREADS));
  buffer.destroy();
  const right = sums.every((sum, thread) => {
    const first = thread - thread % size;
    // first + 1 to first + size
    return sum === size * first + size * (size + 1) / 2;
  });
  return right ? size : undefined;
}

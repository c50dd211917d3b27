import type { Device } from "@wick/async-exec";

/** A GPU of this module's own, and its kernel. */
interface Burner {
  readonly gpu: GPUDevice;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

let opened: Promise<Burner | undefined> | undefined;

/**
 * Keeps the GPU of this machine busy for a while. One that is idle, as it is while
 * a plan is compiled, lowers its clock, an H100 to 345 MHz; work of microseconds
 * does not raise it, and load takes half a second to. Call it after the work was
 * compiled and before it is measured. It is plain WebGPU on a device of its own,
 * so what is measured has neither its memory nor its dispatches, and libraries
 * that are compared are all roused alike.
 *
 * @param device What is measured: on the CPU nothing is done, nor where a CPU
 *   does the work of the GPU.
 * @param milliseconds For how long; half a second if absent.
 */
export async function rouse(
  device: Device["name"],
  milliseconds = 500,
): Promise<void> {
  if (device === "cpu") return;
  const burner = await (opened ??= openBurner());
  if (!burner) return;
  const { gpu, pipeline, group } = burner;
  const end = performance.now() + milliseconds;
  let done: Promise<undefined>;
  do {
    const encoder = gpu.createCommandEncoder({ label: "rouse" });
    const pass = encoder.beginComputePass({ label: "rouse" });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let time = 0; time < DISPATCHES; time++) {
      pass.dispatchWorkgroups(WORKGROUPS);
    }
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    // Deno waits inside the call; the promise settles 10 ms later, in which the
    // GPU would be idle.
    done = gpu.queue.onSubmittedWorkDone();
  } while (performance.now() < end);
  await done;
}

// As many threads as a large GPU takes at once; 10 ms at its full clock.
const WORKGROUPS = 4096;
const DISPATCHES = 8;

/** Each thread computes on one number, over and over. */
const KERNEL = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var value = x[id.x];
  for (var i = 0u; i < 20000u; i++) { value = fract(value * 1.7 + 0.3); }
  x[id.x] = value;
}`;

async function openBurner(): Promise<Burner | undefined> {
  const adapter = await navigator.gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (!adapter || adapter.info.isFallbackAdapter) return undefined;
  const gpu = await adapter.requestDevice({ label: "rouse" });
  const module = gpu.createShaderModule({ label: "rouse", code: KERNEL });
  const pipeline = gpu.createComputePipeline({
    ...{ label: "rouse", layout: "auto" },
    compute: { module, entryPoint: "main" },
  });
  const buffer = gpu.createBuffer({
    ...{ label: "rouse", size: 4 * 64 * WORKGROUPS },
    usage: GPUBufferUsage.STORAGE,
  });
  const group = gpu.createBindGroup({
    ...{ label: "rouse", layout: pipeline.getBindGroupLayout(0) },
    entries: [{ binding: 0, resource: { buffer } }],
  });
  return { gpu, pipeline, group };
}

import { nextTurn } from "@wick/async-exec";

/** Waits for the GPU of a peer, by the clock. */
export interface Fence {
  /**
   * Waits until the GPU is done. Deno waits inside of the call and then sleeps
   * 10 ms before the promise settles, which is no part of the work and not
   * waited for.
   *
   * @returns The time when the GPU was done.
   */
  (): Promise<number>;
}

/** The device that a peer asked for last. */
let device: GPUDevice | undefined;

/** Notes which device is asked for from now on, and says what fails on it. */
export function watchDevices(): void {
  if (typeof GPUAdapter === "undefined") return;
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    device = await request.call(this, descriptor);
    device.addEventListener("uncapturederror", (event) => {
      if (!("error" in event)) return;
      const line = `GPU error: ${String(event.error).slice(0, 300)}\n`;
      Deno.stderr.writeSync(new TextEncoder().encode(line));
    });
    return device;
  };
}

/**
 * Gives what waits for the GPU of the peer, after a look at how that waits: if
 * the call comes back while a long kernel runs, the promise is timed instead.
 *
 * @returns The fence.
 * @throws {TypeError} If the peer has asked for no device.
 */
export async function fenceOf(): Promise<Fence> {
  if (!device) {
    throw new TypeError("Cannot wait for a GPU: the peer asked for no device");
  }
  const { queue } = device;
  const inTheCall = await blocksInTheCall(device);
  return async () => {
    const done = queue.onSubmittedWorkDone();
    if (!inTheCall) {
      await done;
      return performance.now();
    }
    const called = performance.now();
    done.catch(() => {});
    // A turn of the event loop, for what peers have put off, not the 10 ms.
    await nextTurn();
    return called;
  };
}

const LONG_KERNEL = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var value = x[id.x];
  for (var i = 0u; i < 60000u; i++) { value = fract(value * 1.7 + 0.3); }
  x[id.x] = value;
}`;

async function blocksInTheCall(gpu: GPUDevice): Promise<boolean> {
  const module = gpu.createShaderModule({ code: LONG_KERNEL });
  const pipeline = gpu.createComputePipeline({
    layout: "auto",
    compute: { module, entryPoint: "main" },
  });
  const buffer = gpu.createBuffer({
    size: 2 ** 14,
    usage: GPUBufferUsage.STORAGE,
  });
  const group = gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  let [call, whole] = [0, 0];
  for (let time = 0; time < 3; time++) {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(64);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    const start = performance.now();
    const done = gpu.queue.onSubmittedWorkDone();
    call = performance.now() - start;
    await done;
    whole = performance.now() - start;
  }
  buffer.destroy();
  return call > 0.3 * Math.max(whole - 11.5, 0.05);
}

import type { KernelCode } from "./wgsl_code.ts";

/** A kernel to be timed. */
export interface TimedKernel {
  /** Its name. */
  readonly name: string;
  /** Its text, and how it is called. */
  readonly code: KernelCode;
}

/** Options of {@linkcode timeKernels}. */
export interface TimeKernelsOptions {
  /** Milliseconds that the device is kept busy before, so that its clock is up. */
  readonly warmUp: number;
  /** Milliseconds that a kernel runs in each round. */
  readonly round: number;
  /** Rounds in which all run, then rounds in which the fastest do. */
  readonly rounds: readonly [all: number, fastest: number];
}

/** How much slower than the fastest a kernel may be to stay in the race. */
const CLOSE = 1.15;

/**
 * Times kernels that do the same work, in turn, so that a clock that changes
 * changes for all. Waits in the call, as Deno's fence does.
 *
 * @param device The GPU; nothing else may be under way on it.
 * @param kernels The kernels; the first also warms the device up.
 * @param buffers The buffer of each slot that they name.
 * @param options How long.
 * @returns The microseconds of a call of each, at best.
 */
export function timeKernels(
  device: GPUDevice,
  kernels: readonly TimedKernel[],
  buffers: readonly GPUBindingResource[],
  options: TimeKernelsOptions,
): Map<string, number> {
  const ready = kernels.map((kernel) => prepare(device, kernel, buffers));
  const begin = performance.now();
  while (performance.now() - begin < options.warmUp) {
    const once = run(device, ready[0]!, 1);
    run(device, ready[0]!, Math.min(Math.ceil(options.round / once), 200));
  }
  const best = new Map<string, number>();
  const race = (kernel: Ready): void => {
    const once = run(device, kernel, 1);
    const calls = Math.ceil(options.round / once);
    const time = run(device, kernel, Math.min(Math.max(calls, 1), 200));
    const known = best.get(kernel.name) ?? Infinity;
    best.set(kernel.name, Math.min(known, 1000 * time));
  };
  for (let i = 0; i < options.rounds[0]; i++) ready.forEach(race);
  const least = Math.min(...best.values());
  const close = ready.filter(({ name }) => best.get(name)! <= CLOSE * least);
  for (let i = 0; i < options.rounds[1]; i++) close.forEach(race);
  return best;
}

interface Ready {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

function prepare(
  device: GPUDevice,
  { name, code: { text, slots, workgroups } }: TimedKernel,
  buffers: readonly GPUBindingResource[],
): Ready {
  const pipeline = device.createComputePipeline({
    label: name,
    layout: "auto",
    compute: {
      module: device.createShaderModule({ label: name, code: text }),
      entryPoint: "main",
    },
  });
  const group = device.createBindGroup({
    label: name,
    layout: pipeline.getBindGroupLayout(0),
    entries: slots.map((slot, binding) => ({
      binding,
      resource: buffers[slot]!,
    })),
  });
  return { name, pipeline, group, workgroups };
}

/** Calls a kernel and gives the milliseconds of a call. */
function run(device: GPUDevice, kernel: Ready, calls: number): number {
  const encoder = device.createCommandEncoder({ label: "measure" });
  const pass = encoder.beginComputePass({ label: kernel.name });
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, kernel.group);
  for (let i = 0; i < calls; i++) pass.dispatchWorkgroups(...kernel.workgroups);
  pass.end();
  const begin = performance.now();
  device.queue.submit([encoder.finish()]);
  // Deno waits inside the call; the promise settles 10 ms later.
  device.queue.onSubmittedWorkDone().catch(() => {});
  return (performance.now() - begin) / calls;
}

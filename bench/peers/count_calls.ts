/** What a piece of work asks of WebGPU, by call. */
export interface CallCounts {
  /** Kernels. */
  readonly dispatches: number;
  /** Command buffers handed over. */
  readonly submits: number;
  /** Compute passes. */
  readonly passes: number;
  /** Buffers made. */
  readonly buffers: number;
  /** Bind groups made. */
  readonly bindGroups: number;
  /** Writes from the host. */
  readonly writes: number;
  /** Copies from buffer to buffer. */
  readonly copies: number;
}

type Counted = keyof CallCounts;

/** What is counted: the class, its method, and what it counts as. */
const CALLS: readonly (readonly [string, string, Counted])[] = [
  ["GPUComputePassEncoder", "dispatchWorkgroups", "dispatches"],
  ["GPUComputePassEncoder", "dispatchWorkgroupsIndirect", "dispatches"],
  ["GPUQueue", "submit", "submits"],
  ["GPUCommandEncoder", "beginComputePass", "passes"],
  ["GPUDevice", "createBuffer", "buffers"],
  ["GPUDevice", "createBindGroup", "bindGroups"],
  ["GPUQueue", "writeBuffer", "writes"],
  ["GPUCommandEncoder", "copyBufferToBuffer", "copies"],
];

/**
 * Counts the calls of WebGPU in some work, by taking the place of its methods
 * meanwhile.
 *
 * @param times How often the work is done.
 * @param work The work.
 * @returns The calls of one time.
 */
export async function countCalls(
  times: number,
  work: () => Promise<unknown>,
): Promise<CallCounts> {
  const counts: Record<Counted, number> = {
    ...{ dispatches: 0, submits: 0, passes: 0, buffers: 0 },
    ...{ bindGroups: 0, writes: 0, copies: 0 },
  };
  const undo = CALLS.map(([type, method, counted]) => {
    const prototype: unknown = Reflect.get(globalThis, type)?.prototype;
    if (typeof prototype !== "object" || prototype === null) return () => {};
    const original: unknown = Reflect.get(prototype, method);
    if (typeof original !== "function") return () => {};
    Reflect.set(
      prototype,
      method,
      function (this: unknown, ...rest: unknown[]) {
        counts[counted]++;
        return Reflect.apply(original, this, rest);
      },
    );
    return () => Reflect.set(prototype, method, original);
  });
  try {
    for (let time = 0; time < times; time++) await work();
  } finally {
    undo.forEach((restore) => restore());
  }
  const share = (counted: Counted) => counts[counted] / times;
  return {
    dispatches: share("dispatches"),
    submits: share("submits"),
    passes: share("passes"),
    buffers: share("buffers"),
    bindGroups: share("bindGroups"),
    writes: share("writes"),
    copies: share("copies"),
  };
}

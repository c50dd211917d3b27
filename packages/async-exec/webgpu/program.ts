import type { DeviceTraits } from "@wick/core-tensor";
import type { Plan, Slot } from "@wick/graph";
import type { PreparedRun } from "../backend.ts";
import type { BufferPool, GpuStorage } from "./buffer_pool.ts";
import { type CommandStream, MANY_DISPATCHES } from "./command_stream.ts";
import { PassTimer } from "./pass_timer.ts";
import type { PipelineCache } from "./pipeline_cache.ts";
import type { Staging } from "./staging.ts";
import { dispatchCode } from "./dispatch_code.ts";

interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly slots: readonly number[];
  readonly workgroups: readonly [number, number, number];
}

// A loop uses the same buffers again after one or two rounds.
const MAX_BIND_GROUPS = 8;

// A GPU gets a few dispatches of a long plan first, then more and more, to work
// on them while the next are put together, which takes 3 µs each. A rasteriser
// runs on the processor that puts them together: it gets all at once.
const FIRST_DISPATCHES = 8;

/** A plan made ready for a GPU: its kernels, and the bind groups it needs. */
export class Program {
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #staging: Staging;
  readonly #stream: CommandStream;
  readonly #plan: Plan;
  readonly #label: string;
  readonly #dispatches: readonly Dispatch[];
  /** Where the parts start and end that are handed over one by one. */
  readonly #parts: readonly (readonly [number, number])[];
  readonly #bindGroups = new Map<string, readonly GPUBindGroup[]>();

  /**
   * Compiles the kernels of a plan.
   *
   * @param device The GPU.
   * @param pipelines Where compiled kernels are kept.
   * @param pool Where temporary buffers come from.
   * @param staging What reads the times of kernels.
   * @param stream Where its dispatches go.
   * @param plan The plan.
   * @param traits What the device is like.
   */
  constructor(
    device: GPUDevice,
    pipelines: PipelineCache,
    pool: BufferPool,
    staging: Staging,
    stream: CommandStream,
    plan: Plan,
    traits: DeviceTraits,
  ) {
    this.#device = device;
    this.#pool = pool;
    this.#staging = staging;
    this.#stream = stream;
    this.#plan = plan;
    this.#label = planLabel(plan);
    this.#dispatches = plan.steps.flatMap((step) =>
      dispatchCode(step, traits).map(({ text, slots, writes, workgroups }) => ({
        label: step.label,
        pipeline: pipelines.pipeline(text, writes, step.label),
        layout: pipelines.layout(writes),
        slots,
        workgroups,
      }))
    );
    this.#parts = partsOf(this.#dispatches.length, traits);
  }

  /** How many dispatches a run makes. */
  get length(): number {
    return this.#dispatches.length;
  }

  /**
   * Encodes the plan.
   *
   * @param leaves What it starts from.
   * @param results Where its results go.
   */
  run(leaves: readonly GpuStorage[], results: readonly GpuStorage[]): void {
    if (this.#dispatches.length === 0) return;
    const temporaries = this.#temporaries();
    try {
      this.#encode(this.#groups(leaves, results, temporaries));
    } finally {
      // The queue runs in order, so the next user cannot come too early.
      for (const storage of temporaries) storage.release();
    }
  }

  /**
   * Makes the plan ready to be run again and again: its temporary buffers and
   * bind groups are kept, a run only encodes.
   *
   * @param leaves What it starts from.
   * @param results Where its results go.
   * @returns What runs it.
   */
  prepare(
    leaves: readonly GpuStorage[],
    results: readonly GpuStorage[],
  ): PreparedRun {
    const temporaries = this.#temporaries();
    const groups = this.#makeGroups(leaves, results, temporaries);
    return {
      run: () => {
        if (groups.length > 0) this.#encode(groups);
      },
      time: async () => {
        const times = await this.#time(groups);
        return times.map((milliseconds, index) => ({
          label: this.#dispatches[index]!.label,
          milliseconds,
        }));
      },
      release: () => {
        for (const storage of temporaries) storage.release();
      },
    };
  }

  #temporaries(): GpuStorage[] {
    const temporaries: GpuStorage[] = [];
    try {
      for (const bytes of this.#plan.buffers) {
        temporaries.push(this.#pool.acquire(bytes, "temporary"));
      }
      return temporaries;
    } catch (error) {
      for (const storage of temporaries) storage.release();
      throw error;
    }
  }

  #encode(groups: readonly GPUBindGroup[]): void {
    for (const [start, end] of this.#parts) {
      this.#stream.add(this.#label, end - start, (pass) => {
        let current: GPUComputePipeline | undefined;
        for (let index = start; index < end; index++) {
          const { pipeline, workgroups: [x, y, z] } = this.#dispatches[index]!;
          if (pipeline !== current) pass.setPipeline(pipeline);
          current = pipeline;
          pass.setBindGroup(0, groups[index]!);
          pass.dispatchWorkgroups(x, y, z);
        }
      });
    }
  }

  /** Runs each dispatch in a pass of its own and times it. */
  #time(groups: readonly GPUBindGroup[]): Promise<number[]> {
    this.#stream.flush();
    const timer = new PassTimer(this.#device, groups.length);
    const encoder = this.#device.createCommandEncoder({ label: "timed plan" });
    this.#dispatches.forEach(({ pipeline, workgroups, label }, index) => {
      const pass = encoder.beginComputePass({
        label,
        timestampWrites: timer.writes(index),
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, groups[index]!);
      pass.dispatchWorkgroups(...workgroups);
      pass.end();
    });
    return timer.submit(encoder, this.#staging);
  }

  #groups(
    leaves: readonly GpuStorage[],
    results: readonly GpuStorage[],
    temporaries: readonly GpuStorage[],
  ): readonly GPUBindGroup[] {
    const all = [...leaves, ...results, ...temporaries];
    const key = all.map(({ id }) => id).join();
    const known = this.#bindGroups.get(key);
    if (known) return known;
    const made = this.#makeGroups(leaves, results, temporaries);
    this.#bindGroups.set(key, made);
    if (this.#bindGroups.size > MAX_BIND_GROUPS) {
      const [oldest] = this.#bindGroups.keys();
      this.#bindGroups.delete(oldest!);
    }
    return made;
  }

  #makeGroups(
    leaves: readonly GpuStorage[],
    results: readonly GpuStorage[],
    temporaries: readonly GpuStorage[],
  ): readonly GPUBindGroup[] {
    const bindingOf = ({ bytes, place }: Slot): GPUBufferBinding => {
      if (place.kind === "part") {
        const whole = bindingOf(this.#plan.slots[place.slot]!);
        const offset = whole.offset! + place.first * bytes / place.count;
        return { buffer: whole.buffer, offset, size: Math.ceil(bytes / 4) * 4 };
      }
      const { buffer, offset, byteLength } = storageOf(place);
      return { buffer, offset, size: byteLength };
    };
    const storageOf = (
      place: Exclude<Slot["place"], { kind: "part" }>,
    ): GpuStorage => {
      switch (place.kind) {
        case "leaf":
          return leaves[place.index]!;
        case "result":
          return results[place.index]!;
        case "buffer":
          return temporaries[place.index]!;
      }
    };
    return this.#stream.watch(
      this.#label,
      () =>
        this.#dispatches.map(({ label, layout, slots }) =>
          this.#device.createBindGroup({
            label,
            layout,
            entries: slots.map((number, binding) => ({
              binding,
              resource: bindingOf(this.#plan.slots[number]!),
            })),
          })
        ),
    );
  }
}

/** Where the parts of a plan start and end that a GPU gets one by one. */
function partsOf(
  count: number,
  { adapterClass }: DeviceTraits,
): [number, number][] {
  if (adapterClass === "software") return [[0, count]];
  const parts: [number, number][] = [];
  let [start, end] = [0, FIRST_DISPATCHES];
  for (
    let size = MANY_DISPATCHES;
    end + FIRST_DISPATCHES <= count;
    size *= 2
  ) {
    parts.push([start, end]);
    [start, end] = [end, end + size];
  }
  return [...parts, [start, count]];
}

/** The operations of a plan, for errors. */
function planLabel({ steps }: Plan): string {
  const labels = steps.slice(0, 4).map(({ label }) => label);
  return labels.length < steps.length
    ? `${labels.join(", ")} and ${steps.length - labels.length} more`
    : labels.join(", ");
}

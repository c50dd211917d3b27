import type { FailureLog } from "./failure_log.ts";

/** Compiled kernels by their text, and the layouts that they share. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #failures: FailureLog;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  /**
   * Makes an empty cache.
   *
   * @param device The GPU.
   * @param failures Where errors of the compiler go.
   */
  constructor(device: GPUDevice, failures: FailureLog) {
    this.#device = device;
    this.#failures = failures;
  }

  /** The number of compiled kernels. */
  get size(): number {
    return this.#pipelines.size;
  }

  /**
   * Gives the layout of bindings, made once for each pattern of writes.
   *
   * @param writes Whether each binding is written.
   * @returns The layout.
   */
  layout(writes: readonly boolean[]): GPUBindGroupLayout {
    const key = writes.map((write) => write ? "w" : "r").join("");
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        label: key,
        entries: writes.map((write, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: write ? "storage" : "read-only-storage" },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /**
   * Gives the compiled kernel, made once for each text.
   *
   * @param text The text.
   * @param writes Whether each binding is written.
   * @param label The operations in it, for errors.
   * @returns The kernel.
   */
  pipeline(
    text: string,
    writes: readonly boolean[],
    label: string,
  ): GPUComputePipeline {
    let pipeline = this.#pipelines.get(text);
    if (!pipeline) {
      pipeline = this.#failures.watch(
        label,
        () => this.#create(text, writes, label),
      );
      this.#pipelines.set(text, pipeline);
    }
    return pipeline;
  }

  #create(
    text: string,
    writes: readonly boolean[],
    label: string,
  ): GPUComputePipeline {
    const module = this.#device.createShaderModule({ label, code: text });
    return this.#device.createComputePipeline({
      label,
      layout: this.#device.createPipelineLayout({
        label,
        bindGroupLayouts: [this.layout(writes)],
      }),
      compute: { module, entryPoint: "main" },
    });
  }

  /** Forgets everything. */
  clear(): void {
    this.#pipelines.clear();
    this.#layouts.clear();
  }
}

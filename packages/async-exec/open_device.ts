import { cpuBackend } from "./cpu/cpu_backend.ts";
import { Device } from "./device.ts";
import { requestAdapter } from "./request_adapter.ts";
import { deviceIdentity } from "./tuning/device_identity.ts";
import { tuningFile } from "./tuning/tuning_file.ts";
import { TuningStore } from "./tuning/tuning_store.ts";
import { webgpuBackend } from "./webgpu/webgpu_backend.ts";

/** Options of {@linkcode openDevice}. */
export interface OpenDeviceOptions {
  /**
   * Which device: `"auto"` is WebGPU where there is a hardware adapter, else
   * the CPU. Absent: what the environment variable `WICK_DEVICE` says, else
   * `"auto"`.
   */
  readonly device?: "auto" | "webgpu" | "cpu";
  /**
   * How many threads share large work on the CPU. Absent: as many as it has,
   * up to 16.
   */
  readonly threads?: number;
  /**
   * Whether the CPU looks for a BLAS, Accelerate or OpenBLAS: it needs
   * `--allow-ffi`. Absent: what the environment variable `WICK_BLAS` says, which
   * may be `off`.
   */
  readonly blas?: boolean;
  /** Bytes that buffers of a GPU may take in all; 16 GiB if absent. */
  readonly memoryBudget?: number;
  /** Whether the choice is said on stderr, once a process; true if absent. */
  readonly announce?: boolean;
  /** Whether kernels of a GPU can be timed; false if absent. */
  readonly timestamps?: boolean;
  /** Whether to read back without Deno's 10 ms wait; true if absent. */
  readonly synchronousRead?: boolean;
  /**
   * Which variants of kernels a GPU uses: `"off"` the default ones, `"stored"`
   * those that `wick tune` and earlier runs measured to be the best, `"measure"`
   * also measures large work when it comes up first, up to 3 s a process, and
   * keeps the choice; on a rasteriser only `wick tune` measures, and in a browser
   * nothing does. Results depend on variants in their last bits. Absent: what
   * the environment variable `WICK_TUNING` says, else `"measure"`.
   */
  readonly tuning?: "off" | "stored" | "measure";
  /** The file of measured choices; one in the user's cache folder if absent. */
  readonly tuningFile?: string;
}

/**
 * Opens a device: WebGPU where there is a hardware adapter, else the CPU.
 *
 * @example Usage
 * ```ts
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertEquals(device.name, "cpu");
 * ```
 *
 * @param options Which device, and its limits.
 * @returns The device; close it by `using`.
 * @throws {TypeError} If WebGPU is asked for and there is no adapter.
 * @throws {RangeError} If `WICK_DEVICE` or `WICK_TUNING` is set to something else.
 */
export async function openDevice(
  options: OpenDeviceOptions = {},
): Promise<Device> {
  const wanted = options.device ?? wantedDevice();
  const device = await open(wanted, options);
  if (options.announce ?? true) announce(`wick: ${device.description}`);
  return device;
}

// Work below this takes less than a tenth of a millisecond on a large GPU, and
// measuring takes half a second.
const LARGE = 2 ** 31;

async function open(
  wanted: "auto" | "webgpu" | "cpu",
  options: OpenDeviceOptions,
): Promise<Device> {
  if (wanted === "cpu") return new Device(cpuBackend(options));
  const adapter = await requestAdapter();
  const software = adapter?.info.isFallbackAdapter ?? true;
  if (wanted === "auto" && (!adapter || software)) {
    return new Device(cpuBackend(options));
  }
  if (!adapter) {
    throw new TypeError(
      "Cannot open WebGPU: there is no adapter; install a Vulkan driver, or use the CPU with WICK_DEVICE=cpu",
    );
  }
  const request = (...features: GPUFeatureName[]): Promise<GPUDevice> =>
    adapter.requestDevice({
      label: "wick",
      requiredLimits: wantedLimits(adapter.limits),
      requiredFeatures: options.timestamps
        ? [...features, "timestamp-query"]
        : features,
    });
  // Deno does not list the feature, yet grants it where the driver has it; in
  // browsers it wants a line in front of each shader, which Deno refuses.
  const gpu =
    await (typeof Deno === "undefined"
      ? request()
      : request("subgroups").catch(() => request()));
  const tuning = options.tuning ?? wantedTuning();
  return new Device(
    await webgpuBackend(gpu, {
      ...(tuning !== "off" && {
        tuning: new TuningStore(deviceIdentity(adapter.info), {
          file: options.tuningFile ?? tuningFile(),
          warn: (line) => write(`wick: ${line}\n`),
        }),
      }),
      // A browser waits for no GPU inside a call, so nothing can be timed by it.
      ...(tuning === "measure" && typeof Deno !== "undefined" && {
        measuresFrom: LARGE,
      }),
      description: `WebGPU, ${adapter.info.description || adapter.info.vendor}`,
      software,
      memoryBudget: options.memoryBudget ?? 16 * 2 ** 30,
      synchronousRead: options.synchronousRead ?? true,
    }),
  );
}

/** The limits that a device has only if they are asked for. */
function wantedLimits(limits: GPUSupportedLimits): Record<string, number> {
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize,
  } = limits;
  return {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize,
  };
}

function wantedDevice(): "auto" | "webgpu" | "cpu" {
  const value = environment("WICK_DEVICE") ?? "auto";
  if (value !== "auto" && value !== "webgpu" && value !== "cpu") {
    throw new RangeError(
      `Cannot open the device "${value}" that WICK_DEVICE names: use auto, webgpu or cpu`,
    );
  }
  return value;
}

function wantedTuning(): "off" | "stored" | "measure" {
  const value = environment("WICK_TUNING") ?? "measure";
  if (value !== "off" && value !== "stored" && value !== "measure") {
    throw new RangeError(
      `Cannot tune kernels as WICK_TUNING says, "${value}": use off, stored or measure`,
    );
  }
  return value;
}

/** An environment variable, where the process may read it without asking. */
function environment(variable: string): string | undefined {
  if (typeof Deno === "undefined") return undefined;
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

let announced = "";

function announce(text: string): void {
  if (announced === text || typeof Deno === "undefined") return;
  announced = text;
  write(`${text}\n`);
}

function write(text: string): void {
  if (typeof Deno === "undefined") return;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

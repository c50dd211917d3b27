// An adapter that has nothing but what WebGPU promises: 8 storage buffers, the
// default limits, no 16-bit floats in shaders, no other feature.
import { openDevice } from "@wick/async-exec";
import { assert, assertEquals } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { assertSameRun } from "./same_run.ts";
import { runTickets } from "./tickets_run.ts";

const ROOT = `${import.meta.dirname}/../../`;

/** The defaults of the limits that Wick asks for. */
const DEFAULTS = {
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
} as const;

/** Gives the adapter of this machine, as if it had no more than the defaults. */
async function plainAdapter(
  gpus: GPUDevice[],
  options?: GPURequestAdapterOptions,
): Promise<GPUAdapter> {
  const adapter =
    (await GPU.prototype.requestAdapter.call(navigator.gpu, options))!;
  return new Proxy(adapter, {
    get(target, name) {
      if (name === "limits") return DEFAULTS;
      if (name === "features") return new Set();
      if (name !== "requestDevice") return Reflect.get(target, name, target);
      return async (wanted: GPUDeviceDescriptor): Promise<GPUDevice> => {
        // What is no feature of an adapter is refused.
        const [feature] = wanted.requiredFeatures ?? [];
        if (feature !== undefined) throw new TypeError(`No feature ${feature}`);
        const gpu = await target.requestDevice(wanted);
        gpus.push(gpu);
        return gpu;
      };
    },
  });
}

Deno.test({
  name: "a WebGPU adapter of the default limits does what the CPU does",
  ignore: TEST_DEVICES.find(({ name }) => name === "webgpu")!.ignore,
  fn: async () => {
    const gpus: GPUDevice[] = [];
    Object.defineProperty(navigator.gpu, "requestAdapter", {
      configurable: true,
      value: (options?: GPURequestAdapterOptions) =>
        plainAdapter(gpus, options),
    });
    try {
      using cpu = await openDevice({ device: "cpu", announce: false });
      using device = await openDevice({
        ...{ device: "webgpu", announce: false, tuning: "off" },
      });
      const [gpu] = gpus;
      assert(gpu);
      const { limits, features } = gpu;
      const granted = Object.keys(DEFAULTS).map((
        name,
      ) => [name, Reflect.get(limits, name)]);
      assertEquals(Object.fromEntries(granted), DEFAULTS);
      assertEquals(features.has("shader-f16"), false);
      assertSameRun(
        await runTickets(device, ROOT),
        await runTickets(cpu, ROOT),
      );
    } finally {
      Reflect.deleteProperty(navigator.gpu, "requestAdapter");
    }
  },
});

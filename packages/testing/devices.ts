import { type Device, openDevice } from "@wick/async-exec";

/** A device to test on. */
export interface TestDevice {
  /** `"cpu"` or `"webgpu"`. */
  readonly name: "cpu" | "webgpu";
  /** Whether its tests are to be shown as ignored: there is no adapter. */
  readonly ignore: boolean;
  /** Opens it, or gives the one that is open. */
  open(): Promise<Device>;
}

/**
 * The devices that every test of numbers runs on. Without a WebGPU adapter, or
 * with one that draws on the CPU through OpenGL, its tests are ignored, unless `WICK_REQUIRE_WEBGPU=1` says that they must run.
 */
export const TEST_DEVICES: readonly TestDevice[] = [
  testDevice("cpu", false),
  testDevice("webgpu", !await hasWebgpu()),
];

async function hasWebgpu(): Promise<boolean> {
  if (Deno.env.get("WICK_REQUIRE_WEBGPU") === "1") return true;
  const adapter = await navigator.gpu?.requestAdapter();
  // Without Vulkan Deno falls back to OpenGL, which has no 16-bit floats in
  // shaders: in software that takes minutes a kernel, so it counts as none.
  return Boolean(adapter) && !(adapter!.info.isFallbackAdapter &&
    !adapter!.features.has("shader-f16"));
}

function testDevice(name: "cpu" | "webgpu", ignore: boolean): TestDevice {
  // One for the process: opening takes longer than most tests.
  let opened: Promise<Device> | undefined;
  return {
    name,
    ignore,
    open: () => opened ??= openDevice({ device: name, announce: false }),
  };
}

import type { DeviceTraits } from "@wick/core-tensor";
import { assertEquals } from "@std/assert";
import { usualLogitBytes } from "./language_model_loss.ts";

const TRAITS: DeviceTraits = {
  adapterClass: "gpu",
  maxWorkgroupThreads: 256,
  maxWorkgroupBytes: 16384,
  maxStorageBuffers: 8,
};

Deno.test("usualLogitBytes() gives a GPU more, but no more than a tensor may have", () => {
  assertEquals(usualLogitBytes(TRAITS), 2 ** 28);
  assertEquals(
    usualLogitBytes({ ...TRAITS, maxTensorBytes: 2 ** 27 }),
    2 ** 27,
  );
  assertEquals(
    usualLogitBytes({ ...TRAITS, adapterClass: "software" }),
    2 ** 26,
  );
  assertEquals(usualLogitBytes({ ...TRAITS, isSequential: true }), 2 ** 26);
});

import { requestAdapter } from "./request_adapter.ts";

/** What a WebGPU adapter says of itself. */
export interface AdapterReport {
  /** Its name, for people. */
  readonly description: string;
  /** Whether it is a rasteriser on the CPU, which counts as no GPU. */
  readonly software: boolean;
  /** The optional features of WebGPU that it has. */
  readonly features: readonly string[];
  /** Its limits by name, in the words of WebGPU. */
  readonly limits: Readonly<Record<string, number>>;
}

/**
 * Asks the adapter that `openDevice()` would take what it is.
 *
 * @example Usage
 * ```ts
 * import { adapterReport } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * const report = await adapterReport();
 * assertEquals(typeof (report?.limits["maxBufferSize"] ?? 0), "number");
 * ```
 *
 * @returns What it says, or `undefined` if there is no adapter.
 */
export async function adapterReport(): Promise<AdapterReport | undefined> {
  const adapter = await requestAdapter();
  if (!adapter) return undefined;
  const { info, features, limits } = adapter;
  const names = Object.keys(
    Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits)),
  );
  const values = new Map<string, unknown>(Object.entries(limits));
  for (const name of names) values.set(name, Reflect.get(limits, name));
  const numbers = [...values].filter((entry): entry is [string, number] =>
    typeof entry[1] === "number"
  );
  return {
    description: info.description || info.vendor,
    software: info.isFallbackAdapter,
    features: [...features].sort(),
    limits: Object.fromEntries(numbers),
  };
}

import {
  type AdapterReport,
  adapterReport,
  type Device,
} from "@wick/async-exec";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { checkDevice } from "./check_device.ts";
import { VERSION } from "./version.ts";

/** `wick doctor`. */
export const DOCTOR: Command = {
  name: "doctor",
  summary: "says what computes, what it can do, and whether it computes right",
  usage: "[options]",
  options: [],
  examples: ["", "--device webgpu --json"],
  run: doctor,
};

/** The limits that Wick's kernels and buffers run into first. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Why `openDevice()` does not take a rasteriser of itself. */
const SOFTWARE = ", software: slower than the CPU device";

// Deno sleeps 10 ms before a read that is waited for settles.
const WAITED_MILLISECONDS = 8;

async function doctor(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  using device = await openNamedDevice(args, io);
  const adapter = await adapterReport();
  const readMilliseconds = await readTime(device);
  const tests = await checkDevice(device);
  const synchronousRead = device.name === "webgpu" &&
    readMilliseconds < WAITED_MILLISECONDS;
  const passed = tests.every((test) => test.passed);
  if (args.flag("json")) {
    const { name, description } = device;
    io.out(`${
      JSON.stringify({
        version: VERSION,
        deno: Deno.version.deno,
        device: { name, description, traits: device.backend.traits },
        adapter: adapter ?? null,
        synchronousRead,
        readMilliseconds,
        tests,
        passed,
      })
    }\n`);
    return passed ? 0 : 1;
  }
  const lines: [string, string][] = [
    ["wick", `${VERSION}, Deno ${Deno.version.deno}`],
    ["device", `${device.name}: ${device.description}`],
    [
      "adapter",
      adapter
        ? `${adapter.description}${adapter.software ? SOFTWARE : ""}`
        : "none: install a Vulkan driver to use a GPU",
    ],
    ...adapter ? adapterLines(adapter) : [],
    ["read-back", readText(device, synchronousRead, readMilliseconds)],
    ...tests.map(({ name, error, passed }): [string, string] => [
      name,
      `${passed ? "right" : "WRONG"}, off by ${error.toExponential(1)}`,
    ]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) {
    io.out(`${name.padEnd(width)}  ${value}\n`);
  }
  if (!passed) {
    io.error(
      `wick: the self-test failed on ${device.description}; --device cpu does without it\n`,
    );
  }
  return passed ? 0 : 1;
}

function adapterLines({ features, limits }: AdapterReport): [string, string][] {
  return [
    ["features", features.join(", ")],
    ...LIMITS.map((name): [string, string] => [
      name,
      String(limits[name] ?? "?"),
    ]),
  ];
}

/** The median time that reading one number takes. */
async function readTime(device: Device): Promise<number> {
  using x = device.tensor([1]);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    await x.data();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[2]!;
}

function readText(
  device: Device,
  synchronous: boolean,
  milliseconds: number,
): string {
  const time = `${milliseconds.toFixed(2)} ms a read`;
  if (device.name === "cpu") return `from memory, ${time}`;
  return synchronous ? `synchronous, ${time}` : `waits for Deno, ${time}`;
}

import type { DeviceTraits, KernelCall } from "@wick/core-tensor";
import type { Step } from "@wick/graph";
import { joinKernels, type KernelPart } from "@wick/kernels-wgsl";
import { dispatchStructure } from "./dispatch_structure.ts";
import { type KernelCode, spread, wgslCode } from "./wgsl_code.ts";

/**
 * Gives the shader of a dispatch; where its kernels cannot be joined, those of
 * parts of it, in the end of single steps.
 *
 * @param step The step of a plan, with what runs in its dispatch.
 * @param traits What the device is like.
 * @returns The shaders in order, one unless that cannot be.
 */
export function dispatchCode(step: Step, traits: DeviceTraits): KernelCode[] {
  const known = KNOWN.get(traits) ?? new Map<string, readonly KernelCode[]>();
  KNOWN.set(traits, known);
  const { key, slots } = dispatchStructure(step);
  let codes = known.get(key);
  if (!codes) {
    const chains = [step, ...step.beside ?? []]
      .map((first) => [first, ...first.then ?? []].filter(isWork))
      .filter(({ length }) => length > 0);
    codes = chainsCode(chains, traits).map((code) => ({
      ...code,
      slots: code.slots.map((slot) => slots.indexOf(slot)),
    }));
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, codes);
  }
  return codes.map((code) => ({
    ...code,
    slots: code.slots.map((place) => slots[place]!),
  }));
}

/** The shaders of a device by structure, with places of slots for slots. */
const KNOWN = new WeakMap<DeviceTraits, Map<string, readonly KernelCode[]>>();
const MOST_KNOWN = 1024;

function chainsCode(
  chains: readonly (readonly Step[])[],
  traits: DeviceTraits,
): KernelCode[] {
  const joined = joinedCode(chains, traits);
  if (joined) return [joined];
  if (chains.length <= 1) {
    return chains.flat().map((step) => wgslCode(step, traits));
  }
  // Halves fit together more easily, in the end each chain by itself.
  const half = Math.ceil(chains.length / 2);
  return [chains.slice(0, half), chains.slice(half)].flatMap((part) =>
    chainsCode(part, traits)
  );
}

/** Whether a step computes anything. */
function isWork({ shape }: Step): boolean {
  return shape.every((size) => size > 0);
}

/** Kernels of the shortest inner sizes have about as few threads as this. */
const LEAST_THREADS = 4;

/** One shader for some chains, or `undefined` if there is none. */
function joinedCode(
  chains: readonly (readonly Step[])[],
  traits: DeviceTraits,
): KernelCode | undefined {
  const [first] = chains.flat();
  if (!first) return undefined;
  if (chains.length === 1 && chains[0]!.length === 1) {
    return wgslCode(first, traits);
  }
  // Kernels whose threads wait for each other need as many of them: each is
  // asked for as few as the one that takes the fewest.
  for (
    let threads = traits.maxWorkgroupThreads;
    threads >= LEAST_THREADS;
    threads /= 2
  ) {
    const device = { ...traits, maxWorkgroupThreads: threads };
    const codes = chains.map((chain) => chainCode(chain, device));
    if (codes.includes(undefined)) return undefined;
    const joined = joinKernels(
      codes.map((chain) => chain!.map(part)),
      traits.maxWorkgroupBytes,
    );
    if (!joined || joined.buffers.length > traits.maxStorageBuffers) continue;
    return {
      text: joined.text,
      slots: joined.buffers,
      writes: joined.writes,
      workgroups: spread(joined.workgroups),
    };
  }
  return undefined;
}

/** A shader as a part of its chain: element-wise code comes after a kernel. */
function part(
  { text, slots, workgroups, call }: KernelCode,
  place: number,
): KernelPart {
  const onElements = call === undefined && place > 0;
  return { text, buffers: slots, workgroups, onElements };
}

/** The shaders of a chain, all with the same elements in the same threads. */
function chainCode(
  chain: readonly Step[],
  device: DeviceTraits,
): KernelCode[] | undefined {
  if (chain.length === 1) return [wgslCode(chain[0]!, device)];
  const attempt = (like?: KernelCall): KernelCode[] =>
    chain.map((step) =>
      wgslCode(step, device, { ...(like && { like }), single: true })
    );
  const alone = attempt();
  // The largest inner size says how many threads share it; what can be read by
  // vectors can be read one by one too.
  const calls = alone.flatMap(({ call }) => call ?? []);
  const [longest] = calls.toSorted((a, b) => innerSize(b) - innerSize(a));
  const plain = calls.find(({ kernel }) => isScalar(kernel));
  const codes = attempt(plain ?? longest);
  const tiles = new Set(
    codes.flatMap(({ call, workgroups }) => call ? [`${workgroups}`] : []),
  );
  const forms = new Set(
    codes.flatMap(({ call }) => call ? [formOf(call)] : []),
  );
  return tiles.size === 1 && forms.size === 1 ? codes : undefined;
}

function innerSize({ sizes: { K = 0, R = 0 } }: KernelCall): number {
  return K + R;
}

function formOf({ kernel }: KernelCall): string {
  return kernel.replace("_joint", "");
}

function isScalar(kernel: string): boolean {
  return kernel === "matmul" || kernel === "matmul_joint";
}

import type { KernelCall } from "@wick/core-tensor";
import { hasHook } from "@wick/kernels-wgsl";

/**
 * Gives the functions in which the lanes of a row combine what they hold, from
 * register to register as far as a subgroup goes, and over workgroup memory only
 * beyond. Lane `i` of a workgroup is lane `i mod size` of a subgroup: see
 * `probeSubgroups()`.
 *
 * @param call The call of a kernel with `max_of_row()`, `sum_of_row()` or
 *   `joined_of_row()`.
 * @param size The threads of a subgroup, a power of two.
 * @returns The bodies of its functions.
 */
export function subgroupHooks(
  call: KernelCall,
  size: number,
): Record<string, string> {
  const lanes = call.sizes["LANES"]!;
  const vectors = call.kernel.endsWith("_vectors");
  const hooks: Record<string, string> = {};
  if (hasHook(call.kernel, "max_of_row")) {
    hooks["max_of_row"] = body(lanes, size, {
      own: vectors
        ? "max(max(value.x, value.y), max(value.z, value.w))"
        : "value",
      joined: (a, b) => `max(${a}, ${b})`,
    });
  }
  if (hasHook(call.kernel, "sum_of_row")) {
    hooks["sum_of_row"] = body(lanes, size, {
      own: vectors ? "value.x + value.y + value.z + value.w" : "value",
      joined: (a, b) => `${a} + ${b}`,
    });
  }
  if (hasHook(call.kernel, "joined_of_row")) {
    hooks["joined_of_row"] = body(lanes, size, {
      own: "value",
      joined: (a, b) => `joined(${a}, ${b})`,
    });
  }
  return hooks;
}

function body(
  lanes: number,
  size: number,
  { own, joined }: { own: string; joined: (a: string, b: string) => string },
): string {
  const lines = [`var held = ${own};`];
  for (let step = Math.min(lanes, size) / 2; step >= 1; step /= 2) {
    const other = `subgroupShuffleXor(held, ${step}u)`;
    lines.push(`held = ${joined("held", other)};`);
  }
  if (lanes > size) {
    const count = lanes / size;
    const part = (i: number): string => `partial[place * ${count}u + ${i}u]`;
    lines.push(
      `if lane % ${size}u == 0u {`,
      `  partial[place * ${count}u + lane / ${size}u] = held;`,
      "}",
      "workgroupBarrier();",
      `held = ${part(0)};`,
      ...Array.from(
        { length: count - 1 },
        (_, i) => `held = ${joined("held", part(i + 1))};`,
      ),
      "workgroupBarrier(); // before the next use of the array",
    );
  }
  lines.push("return held;");
  return lines.join("\n  ");
}

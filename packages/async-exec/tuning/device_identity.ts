import type { MatmulKernel } from "@wick/core-tensor";
import { kernelText } from "@wick/kernels-wgsl";

/** What an adapter says of itself. */
export type AdapterIdentity = Pick<
  GPUAdapterInfo,
  "vendor" | "architecture" | "device" | "description"
>;

/**
 * Names a device for measured choices: another adapter, driver, Deno or set of
 * kernels has another name. WebGPU does not tell the driver's version; Mesa's
 * description has it, and NVIDIA's is read where that is allowed.
 *
 * @param info What the adapter says of itself.
 * @returns The name.
 */
export function deviceIdentity(info: AdapterIdentity): string {
  const runtime = typeof Deno === "undefined"
    ? "no Deno"
    : `Deno ${Deno.version.deno}`;
  return [
    info.description || "an adapter",
    `${info.vendor}:${info.device}${info.architecture}`,
    driver(),
    runtime,
    `kernels ${hash(KERNELS.map((name) => kernelText(name)).join("\n"))}`,
  ].filter((part) => part !== "").join("; ");
}

const KERNELS: readonly MatmulKernel[] = [
  "matmul",
  "matmul_direct",
  "matmul_rows",
  "matmul_split",
  "matmul_tiled",
  "matmul_joint",
  "matmul_joint_direct",
  "matmul_joint_rows",
  "matmul_joint_split",
  "matmul_joint_tiled",
];

const DRIVER = "/proc/driver/nvidia/version";

function driver(): string {
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return "";
  const { state } = Deno.permissions.querySync({ name: "read", path: DRIVER });
  if (state !== "granted") return "";
  try {
    const version = /\d+\.\d+(\.\d+)?/.exec(Deno.readTextFileSync(DRIVER));
    return version ? `driver ${version[0]}` : "";
  } catch {
    return "";
  }
}

/** FNV-1a of 32 bits, as eight digits. */
function hash(text: string): string {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  }
  return (state >>> 0).toString(16).padStart(8, "0");
}

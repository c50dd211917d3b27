/** A GPU that this process could open. */
export interface VisibleGpu {
  /** Its device file. */
  readonly path: string;
  /** The number of its device, the same in every namespace of the machine. */
  readonly device: number;
}

/**
 * Lists the NVIDIA GPUs whose device files this process can open: WebGPU takes
 * the first of them, whatever it is asked. A file that is bound over by
 * `/dev/null`, or that a device cgroup denies, is not one.
 *
 * @example Usage
 * ```ts
 * import { visibleGpus } from "@wick/distributed";
 *
 * for (const { path } of visibleGpus() ?? []) console.log(path); // /dev/nvidia0
 * ```
 *
 * @param folder Where device files are; `"/dev"` if absent.
 * @returns The GPUs, in the order of their numbers; none on other systems, and
 *   undefined where `--allow-all` is missing, without which Deno shows none.
 */
export function visibleGpus(folder = "/dev"): VisibleGpu[] | undefined {
  if (Deno.build.os !== "linux") return [];
  const names = namesIn(folder);
  if (!names) return undefined;
  const found: (VisibleGpu & { readonly number: number })[] = [];
  for (const name of names) {
    const number = /^nvidia(\d+)$/.exec(name)?.[1];
    if (number === undefined) continue;
    const path = `${folder}/${name}`;
    const device = openableDevice(path);
    if (device !== undefined) {
      found.push({ path, device, number: Number(number) });
    }
  }
  return found.sort((one, other) => one.number - other.number)
    .map(({ path, device }) => ({ path, device }));
}

function namesIn(folder: string): string[] | undefined {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? undefined : [];
  }
}

/** The number of a device that can be opened and is not the null device. */
function openableDevice(path: string): number | undefined {
  try {
    const { isCharDevice, rdev } = Deno.statSync(path);
    if (!isCharDevice || rdev === null) return undefined;
    if (rdev === Deno.statSync("/dev/null").rdev) return undefined;
    Deno.openSync(path, { read: true }).close();
    return rdev;
  } catch {
    return undefined;
  }
}

import { cpus } from "node:os";

/** What a measurement was made on. */
export interface Environment {
  /** When, in UTC. */
  readonly date: string;
  /** The command that does it again. */
  readonly command: string;
  /** The commit, with `+` behind it where files were changed. */
  readonly commit: string;
  /** The version of Deno. */
  readonly deno: string;
  /** Operating system and architecture. */
  readonly system: string;
  /** The processor. */
  readonly processor: string;
  /** How many of its cores there are. */
  readonly cores: number;
  /** The load of the last minute when it began. */
  readonly load: number;
  /** The adapter of WebGPU and what it says of its driver; "none". */
  readonly adapter: string;
  /** Whether the adapter is software. */
  readonly software: boolean;
}

/**
 * Says what a measurement is made on.
 *
 * @param command The command that does it again.
 * @returns The description.
 */
export async function environment(command: string): Promise<Environment> {
  const adapter = await navigator.gpu?.requestAdapter();
  const info = adapter?.info;
  const software = info?.isFallbackAdapter ?? true;
  return {
    date: new Date().toISOString(),
    command,
    commit: commit(),
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    processor: cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    load: Deno.loadavg()[0] ?? 0,
    adapter: info
      ? [info.description, info.architecture, driver()].filter(Boolean)
        .join(", ")
      : "none",
    software,
  };
}

function commit(): string {
  const head = outputOf("git", ["rev-parse", "--short", "HEAD"]);
  if (head === undefined) return "unknown";
  const status = ["status", "--porcelain", "--untracked-files=no"];
  return outputOf("git", status) ? `${head}+` : head;
}

/** WebGPU does not name the driver; NVIDIA's tool does, where it is. */
function driver(): string {
  const query = ["--query-gpu=driver_version", "--format=csv,noheader"];
  const version = outputOf("nvidia-smi", query)?.split("\n")[0];
  return version ? `NVIDIA ${version}` : "";
}

/** What a program prints; undefined where it is not there or fails. */
function outputOf(
  program: string,
  args: readonly string[],
): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(program, {
      args: [...args],
      cwd: new URL("../", import.meta.url),
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

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
    processor: processor(),
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
  const git = (...args: string[]) => {
    const cwd = new URL("../", import.meta.url);
    try {
      const { success, stdout } = new Deno.Command("git", {
        args,
        cwd,
        stdout: "piped",
        stderr: "null",
      }).outputSync();
      return success ? new TextDecoder().decode(stdout).trim() : undefined;
    } catch {
      return undefined;
    }
  };
  const head = git("rev-parse", "--short", "HEAD");
  if (head === undefined) return "unknown";
  return git("status", "--porcelain", "--untracked-files=no")
    ? `${head}+`
    : head;
}

function processor(): string {
  const text = textOf("/proc/cpuinfo") ?? "";
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? "unknown";
}

/** WebGPU does not name the driver: NVIDIA's kernel module does. */
function driver(): string {
  const text = textOf("/proc/driver/nvidia/version") ?? "";
  const version = /Kernel Module[^\n]*?\s(\d+\.\d+(?:\.\d+)?)\s/.exec(text)
    ?.[1];
  return version ? `NVIDIA ${version}` : "";
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

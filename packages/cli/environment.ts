import type { Device } from "@wick/async-exec";
import { VERSION } from "./version.ts";

/**
 * Says what a run was made with, as far as the permissions allow.
 *
 * @param device What computes.
 * @returns Names and values, for people.
 */
export function environment(device: Device): Record<string, string> {
  const cores = asked(() => navigator.hardwareConcurrency);
  return {
    date: new Date().toISOString(),
    device: device.description,
    kind: device.name,
    wick: VERSION,
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    ...(cores !== undefined && { cores: String(cores) }),
  };
}

/** Bytes of the process; 0 where it may not be asked. */
export function processBytes(): number {
  return asked(() => Deno.memoryUsage().rss) ?? 0;
}

function asked<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch {
    return undefined;
  }
}

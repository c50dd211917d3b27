/**
 * Asks for the fastest WebGPU adapter.
 *
 * Mesa's drivers complain on stderr where `XDG_RUNTIME_DIR` is unset, as it is
 * in containers, so it is set meanwhile if the process may do that.
 *
 * @returns The adapter, or `undefined` if there is none.
 */
export async function requestAdapter(): Promise<GPUAdapter | undefined> {
  const restore = setRuntimeFolder();
  try {
    const adapter = await navigator.gpu?.requestAdapter({
      powerPreference: "high-performance",
    });
    return adapter ?? undefined;
  } finally {
    restore();
  }
}

const RUNTIME_FOLDER = "XDG_RUNTIME_DIR";

function setRuntimeFolder(): () => void {
  if (!mayUse(RUNTIME_FOLDER) || Deno.build.os !== "linux") return () => {};
  if (Deno.env.get(RUNTIME_FOLDER)) return () => {};
  const temporary = mayUse("TMPDIR") ? Deno.env.get("TMPDIR") : undefined;
  Deno.env.set(RUNTIME_FOLDER, temporary ?? "/tmp");
  return () => Deno.env.delete(RUNTIME_FOLDER);
}

function mayUse(variable: string): boolean {
  if (typeof Deno === "undefined") return false;
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted";
}

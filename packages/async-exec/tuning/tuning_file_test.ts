import { assertEquals } from "@std/assert";
import { tuningFile } from "./tuning_file.ts";

/** Runs with these variables set, or unset where undefined. */
function withVariables<Result>(
  variables: Readonly<Record<string, string | undefined>>,
  run: () => Result,
): Result {
  const before = Object.keys(variables).map((name) =>
    [name, Deno.env.get(name)] as const
  );
  const set = (name: string, value: string | undefined): void =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const [name, value] of Object.entries(variables)) set(name, value);
    return run();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

Deno.test({
  name: "tuningFile() is in the user's cache folder, wherever that was put",
  ignore: Deno.build.os !== "linux",
  fn() {
    const at = (variables: Record<string, string | undefined>) =>
      withVariables(variables, tuningFile);
    assertEquals(
      at({ XDG_CACHE_HOME: "/c", HOME: "/h" }),
      "/c/wick/tuning.json",
    );
    // An empty variable counts as none.
    for (const XDG_CACHE_HOME of [undefined, ""]) {
      assertEquals(
        at({ XDG_CACHE_HOME, HOME: "/h" }),
        "/h/.cache/wick/tuning.json",
      );
    }
    assertEquals(at({ XDG_CACHE_HOME: undefined, HOME: undefined }), undefined);
  },
});

Deno.test({
  name: "tuningFile() is none where it may not be written",
  permissions: { env: true, read: true, write: false },
  fn() {
    assertEquals(withVariables({ HOME: "/h" }, tuningFile), undefined);
  },
});

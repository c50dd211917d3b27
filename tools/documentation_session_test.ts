import { assertEquals } from "@std/assert";
import type { ShellBlock } from "./documentation_blocks.ts";
import { lostLine, runSession } from "./documentation_session.ts";

function block(commands: string): ShellBlock {
  return {
    page: "a.md",
    line: 1,
    commands,
    notRun: undefined,
    output: undefined,
  };
}

Deno.test("lostLine() finds lines in order, whatever the numbers are", () => {
  const printed = "start\nstep 60/60  loss 0.0163\n\n saved in out\n";
  assertEquals(
    lostLine("step 1/2 loss 3e-4\n…\nsaved in out\n", printed),
    undefined,
  );
  assertEquals(lostLine("st…\nsaved …", printed), undefined);
  assertEquals(lostLine("saved in out\nstart", printed), "start");
  assertEquals(lostLine("saved in", printed), "saved in");
  assertEquals(lostLine("loss (0.1)", "loss (2)"), undefined);
});

Deno.test({
  name: "runSession() keeps what a block sets, and ends where one fails",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "wick-" });
    const blocks = [
      block("a=3\necho $GIVEN\n"),
      block("echo $a >&2\nsleep 100 &\n"),
      block("false\necho never\n"),
      block("echo never\n"),
    ];
    const { outputs, code } = await runSession(blocks, folder, { GIVEN: "b" });
    assertEquals(code, 1);
    assertEquals(
      Array.from(outputs, ([, printed]) => printed.trim()),
      ["b", "3", ""],
    );
    await Deno.remove(folder, { recursive: true });
  },
});

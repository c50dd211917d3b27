import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCaptured } from "./run_captured.ts";

const COMMANDS = [
  "train",
  "generate",
  "chat",
  "evaluate",
  "merge",
  "convert",
  "embed",
  "inspect",
  "doctor",
];

Deno.test("run() shows help and version", async () => {
  const { code, out } = await runCaptured(["--help"]);
  assertEquals(code, 0);
  for (const command of COMMANDS) assertStringIncludes(out, command);
  const version = await runCaptured(["--version"]);
  assertMatch(version.out, /^wick \d+\.\d+\.\d+\n$/);
});

for (const command of COMMANDS) {
  Deno.test(`wick ${command} --help shows options and examples`, async () => {
    const { code, out, error } = await runCaptured([command, "--help"]);
    assertEquals([code, error], [0, ""]);
    assertStringIncludes(out, `Usage: wick ${command}`);
    assertStringIncludes(out, "--device cpu|webgpu|auto");
    assertStringIncludes(out, `Examples:\n  wick ${command}`);
  });
}

const WRONG: readonly [string[], string][] = [
  [[], "without a command"],
  [["fly"], 'Cannot take "fly"'],
  [["train", "--fly", "3"], "Cannot take --fly: there is no such option"],
  [["train", "-x"], "Cannot take -x"],
  [["train", "--data", "d", "--output", "o"], "Cannot do without --model"],
  [
    ["train", "--model", "--data", "d"],
    "Cannot take --model: it needs a value",
  ],
  [["train", "--rank", "0"], 'Cannot take "0" as --rank'],
  [["train", "--rank", "1.5"], 'Cannot take "1.5" as --rank'],
  [
    ["train", "--learning-rate", "fast"],
    'Cannot take "fast" as --learning-rate',
  ],
  [["train", "--learning-rate", "0"], 'Cannot take "0" as --learning-rate'],
  [["train", "--schedule", "jumpy"], "constant, linear, cosine"],
  [["train", "somewhere"], 'Cannot take "somewhere"'],
  [["generate", "--model", "m"], "Cannot do without --prompt"],
  [["generate", "--prompt", "a", "--top-p", "2"], 'Cannot take "2" as --top-p'],
  [["evaluate", "--data", "d", "--split", "best"], "train, valid, test"],
  [["evaluate", "--data", "d"], "Cannot do without --model"],
  [["inspect"], "name one file or folder"],
  [["inspect", "a", "b"], "name one file or folder"],
  [["doctor", "--device", "abacus"], "cpu, webgpu, auto"],
];

for (const [args, message] of WRONG) {
  Deno.test(`wick ${args.join(" ")} is refused with exit code 2`, async () => {
    const { code, out, error } = await runCaptured(args);
    assertEquals([code, out], [2, ""]);
    assertMatch(error, /^wick: [^\n]+\n$/);
    assertStringIncludes(error, message);
  });
}

Deno.test("run() says that it was stopped", async () => {
  const { code, out, error } = await runCaptured([
    "generate",
    "--model=examples/tickets/base-model",
    "--prompt=Request:",
    "--device=cpu",
    "--quiet",
  ], { signal: AbortSignal.abort() });
  assertEquals([code, out, error], [130, "", "wick: stopped\n"]);
});

Deno.test("main.ts gives the exit code of the process", async () => {
  const start = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-read",
        "--allow-env",
        "packages/cli/main.ts",
        ...args,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return [code, decoder.decode(stdout), decoder.decode(stderr)];
  };
  assertEquals(await start("--version"), [0, "wick 0.1.0\n", ""]);
  assertEquals(await start("inspect", "no/such/folder"), [
    1,
    "",
    "wick: Cannot read no/such/folder: there is no such file or folder\n",
  ]);
});

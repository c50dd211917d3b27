import { assertEquals, assertStringIncludes } from "@std/assert";
import { duration } from "./duration.ts";
import { TrainingProgress } from "./training_progress.ts";

function shown(
  steps: number,
  terminal: boolean,
  options: { color?: boolean; columns?: number; every?: number } = {},
): string {
  const { color = false, columns = 120, every } = options;
  let text = "";
  const progress = new TrainingProgress(
    { error: (more) => void (text += more), terminal, color, columns },
    every === undefined ? {} : { every },
  );
  for (let step = 1; step <= steps; step++) {
    progress.show({
      step,
      steps,
      loss: 2,
      gradientNorm: 1,
      learningRate: 0.01,
      tokensPerSecond: 100,
      secondsLeft: steps - step,
      validationLoss: step === steps ? 1.5 : undefined,
    });
  }
  progress.end();
  return text;
}

Deno.test("TrainingProgress writes some lines where there is no terminal", () => {
  const lines = shown(200, false).trim().split("\n");
  assertEquals(
    lines.slice(0, 4).map((line) => line.split("  ")[0]),
    ["step 1/200", "step 2/200", "step 5/200", "step 10/200"],
  );
  assertEquals(lines.length, 3 + 20 + 1);
  assertEquals(lines.at(-1), "validation loss 1.5000 after step 200");
  assertEquals(shown(9, false, { every: 4 }).split("\n").length, 5);
});

Deno.test("TrainingProgress overwrites one line on a terminal", () => {
  const text = shown(4, true);
  assertEquals(text.split("\n").length, 3);
  assertStringIncludes(text, `\r\x1b[2K${"█".repeat(6)}${"░".repeat(18)}`);
  assertEquals(text.includes("\x1b[32m"), false);
  assertStringIncludes(shown(4, true, { color: true }), "\x1b[32m");
  assertEquals(shown(4, true, { columns: 80 }).includes("█"), false);
});

Deno.test("duration() speaks in seconds, minutes or hours", () => {
  assertEquals(
    [0.4, 59, 60, 187, 3600, 7384, Infinity].map(duration),
    ["0s", "59s", "1m00s", "3m07s", "1h00m", "2h03m", "?"],
  );
});

import { assertEquals } from "@std/assert";
import { lineCounts } from "./line_counts.ts";

Deno.test("lines are added up by package, without tests and generated files", () => {
  const report = [
    "SF:/a/packages/lora/one.ts",
    ...["DA:1,3", "DA:2,0", "DA:3,1", "LF:3", "end_of_record"],
    "SF:/a/packages/lora/deep/two.ts",
    ...["DA:9,0", "end_of_record"],
    "SF:/a/packages/lora/one_test.ts",
    ...["DA:1,0", "end_of_record"],
    "SF:/a/packages/async-exec/cpu/_wasm.ts",
    ...["DA:1,0", "end_of_record"],
    "SF:/a/packages/cli/run.ts",
    ...["DA:1,1", "end_of_record"],
  ].join("\n");
  assertEquals([...lineCounts(report)], [
    ["cli", { reached: 1, lines: 1 }],
    ["lora", { reached: 2, lines: 4 }],
  ]);
});

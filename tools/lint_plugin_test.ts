import { assertEquals } from "@std/assert";
import plugin from "./lint_plugin.ts";

/** The rules that find a fault in a source. */
function faults(source: string, file = "packages/graph/plan.ts"): string[] {
  return Deno.lint.runPlugin(plugin, file, source)
    .map(({ id }) => id.replace("wick/", ""));
}

const CASES: [rule: string, bad: string[], good: string[]][] = [
  [
    "error-message",
    [
      'throw new RangeError("cannot add");',
      'throw new TypeError("Cannot add.");',
      "throw new RangeError(`cannot add ${a}`);",
      "throw new RangeError(`Cannot add ${a}.`);",
      'throw new RangeError("cannot add " + a);',
    ],
    [
      'throw new RangeError("Cannot add");',
      "throw new RangeError(`Cannot add ${a}`);",
      "throw new RangeError(`${name} is 0: give 1`);",
      'new Map("lower case.");',
    ],
  ],
  [
    "no-abbreviation",
    [
      "const readBuf = 1;",
      "function f(idx: number) {}",
      "const f = (idx: number) => idx;",
      "class PoolManager {}",
      "interface Utils {}",
      "type Ctx = 1;",
    ],
    ["const buffer = a.len;", "const lens = 1;", "function f(index = 0) {}"],
  ],
  [
    "no-early-return-in-test",
    [
      'Deno.test("x", () => { if (!gpu) return; });',
      'Deno.test("x", async () => { if (!gpu) { say(); return; } f(); });',
      'Deno.test({ name: "x", fn: () => { if (!gpu) return; } });',
      'Deno.test({ name: "x", fn() { if (!gpu) return; } });',
      'it("x", () => { if (!gpu) return; });',
    ],
    [
      'Deno.test("x", () => { f(() => { if (a) return; }); });',
      'Deno.test({ name: "x", ignore: !gpu, fn: () => {} });',
      "function f() { if (a) return; }",
    ],
  ],
];

for (const [rule, bad, good] of CASES) {
  Deno.test(`the lint rule ${rule} finds its faults and nothing else`, () => {
    for (const source of bad) assertEquals(faults(source), [rule], source);
    for (const source of good) assertEquals(faults(source), [], source);
  });
}

Deno.test("the lint rule file-name wants snake_case", () => {
  assertEquals(faults("", "packages/graph/topologicalOrder.ts"), ["file-name"]);
  assertEquals(faults("", "packages/graph/topological_order_test.ts"), []);
});

Deno.test("the lint rule file-length wants 400 lines at most", () => {
  assertEquals(faults("f();\n".repeat(400)), []);
  assertEquals(faults("f();\n".repeat(401)), ["file-length"]);
  assertEquals(faults("// Written by a tool\n".repeat(401)), []);
});

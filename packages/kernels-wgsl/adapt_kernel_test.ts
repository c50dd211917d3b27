import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { toMetal } from "@wick/testing/metal";
import { adaptKernel } from "./adapt_kernel.ts";
import { parseBindings } from "./bindings.ts";
import { hookBody } from "./hook.ts";
import { bindings, hasHook, kernelSource } from "./mod.ts";

const KERNEL = `// Doubles each element.
alias Element = f32;
const SIZE: u32 = 1;

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1)
var<storage, read_write> out: array<vec2<Element>>;

struct Pair { a: f32, b: f32 }

// fn comment(i: u32) -> f32 { not a function }
fn load(
  i: u32,
) -> Element {
  if (i >= SIZE) { return 0; } // a } in a comment
  return x[i];
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  out[id.x] = vec2(load(id.x));
}
`;

Deno.test("adaptKernel() replaces the whole body of a hook", () => {
  const text = adaptKernel(KERNEL, { hooks: { load: "return Element(i);" } });
  assertStringIncludes(text, "-> Element {\n  return Element(i);\n}");
  assert(!text.includes("x[i]"));
  toMetal(text);
});

Deno.test("adaptKernel() takes replacement marks as they are", () => {
  const text = adaptKernel(KERNEL, { hooks: { load: "return $&$1;" } });
  assertStringIncludes(text, "return $&$1;");
});

Deno.test("adaptKernel() puts declarations after the last binding", () => {
  const text = adaptKernel(KERNEL, {
    declarations: `@group(0) @binding(2) var<storage, read> y: array<f32>;
fn twice(v: f32) -> f32 { return 2.0 * v; } // used by the hook`,
    hooks: { load: "return twice(y[i]) + x[i];" },
  });
  assertStringIncludes(
    text,
    "out: array<vec2<Element>>;\n@group(0) @binding(2)",
  );
  toMetal(text);
});

Deno.test("adaptKernel() writes out marked loops of hooks", () => {
  const text = adaptKernel(KERNEL, {
    sizes: { SIZE: 2 },
    hooks: {
      load: `var sum = Element(0);
for (var k = 0u; k < SIZE; k++) { // @unroll
  sum += x[k];
}
return sum;`,
    },
  });
  assertStringIncludes(text, "sum += x[1u];");
});

Deno.test("adaptKernel() sets types and enables f16 where it is used", () => {
  const text = adaptKernel(KERNEL, { types: { Element: "f16" } });
  assert(text.startsWith("enable f16;\n"));
  assertStringIncludes(text, "alias Element = f16;");
  assert(!adaptKernel(KERNEL, {}).includes("enable"));
  toMetal(text);
});

Deno.test("adaptKernel() refuses what the kernel does not have", () => {
  assertThrows(
    () => adaptKernel(KERNEL, { hooks: { store: "" } }),
    RangeError,
    'Cannot replace "store"',
  );
  assertThrows(
    () => adaptKernel(KERNEL, { hooks: { main: "" } }),
    RangeError,
    'Cannot replace "main"',
  );
  assertThrows(
    () => adaptKernel(KERNEL, { types: { Output: "i32" } }),
    RangeError,
    "Cannot set the type Output",
  );
  assertThrows(
    () => adaptKernel("fn f() {}", { declarations: "fn g() {}" }),
    RangeError,
    "Cannot add declarations",
  );
});

Deno.test("hookBody() sees code only", () => {
  const code = "@compute @workgroup_size(1)\nfn main() {}\nfn load() {}";
  assertEquals(hookBody(code, "main"), undefined);
  assertEquals(hookBody(code, "loa"), undefined);
  assertEquals(hookBody(code, "load"), [code.length - 1, code.length - 1]);
});

Deno.test("parseBindings() lists bindings as the kernel writes them", () => {
  assertEquals(
    parseBindings(
      KERNEL + "@group(1) @binding(3) var<uniform> sizes: vec4<u32>;",
    ),
    [
      {
        name: "x",
        group: 0,
        binding: 0,
        access: "read",
        type: "array<Element>",
      },
      {
        name: "out",
        group: 0,
        binding: 1,
        access: "read_write",
        type: "array<vec2<Element>>",
      },
      {
        name: "sizes",
        group: 1,
        binding: 3,
        access: "uniform",
        type: "vec4<u32>",
      },
    ],
  );
});

Deno.test("an unknown kernel is refused by name", () => {
  for (const ask of [kernelSource, bindings, (n: string) => hasHook(n, "f")]) {
    assertThrows(
      () => ask("teleport"),
      RangeError,
      'Cannot find the kernel "teleport": there are ',
    );
  }
});

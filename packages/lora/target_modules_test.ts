import { assertEquals, assertThrows } from "@std/assert";
import { loraConfig, targetPaths } from "./mod.ts";

const PATHS = [0, 1, 2].flatMap((layer) =>
  ["self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj"].map((name) =>
    `model.layers.${layer}.${name}`
  )
).concat("lm_head");

function chosen(options: Parameters<typeof loraConfig>[0]): string[] {
  return targetPaths(PATHS, loraConfig(options));
}

Deno.test("targetPaths() takes names as last parts of a path", () => {
  assertEquals(chosen({ targetModules: ["q_proj"] }).length, 3);
  assertEquals(chosen({ targetModules: ["self_attn.q_proj"] }).length, 3);
  assertEquals(chosen({ targetModules: [PATHS[4]!] }), [PATHS[4]]);
});

Deno.test("targetPaths() does not take a part of a name", () => {
  assertThrows(
    () => chosen({ targetModules: ["proj"] }),
    RangeError,
    'Cannot adapt "proj": no linear layer matches; there are q_proj, v_proj, up_proj, lm_head',
  );
});

Deno.test("targetPaths() matches a regular expression against the whole path", () => {
  assertEquals(chosen({ targetModules: ".*\\.(q_proj|up_proj)" }).length, 6);
  assertThrows(() => chosen({ targetModules: "q_proj" }), RangeError);
  assertThrows(() => chosen({ targetModules: "(" }), RangeError, "expression");
});

Deno.test("targetPaths() reads what Python's expressions have of their own", () => {
  for (
    const targetModules of [
      "(?i).*\\.(?P<kind>Q)_proj",
      "\\Amodel\\..*\\.q_proj\\Z",
      "(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|mlp)\\.(?:(?:q_proj)))",
    ]
  ) assertEquals(chosen({ targetModules }).length, 3, targetModules);
});

Deno.test("targetPaths() leaves out what is held whole", () => {
  assertEquals(
    chosen({ targetModules: "all-linear", modulesToSave: ["layers.1"] }).length,
    6,
  );
});

Deno.test("targetPaths() leaves the head out of all-linear", () => {
  assertEquals(chosen({ targetModules: "all-linear" }).length, 9);
});

Deno.test("targetPaths() restricts by layer and excludes", () => {
  assertEquals(
    chosen({ targetModules: ["q_proj", "v_proj"], layersToTransform: [1] }),
    [PATHS[3], PATHS[4]],
  );
  assertEquals(
    chosen({
      targetModules: "all-linear",
      layersToTransform: [0, 2],
      layersPattern: "layers",
      excludeModules: ["v_proj", "model.layers.0.mlp.up_proj"],
    }),
    [PATHS[0], PATHS[6], PATHS[8]],
  );
});

Deno.test("targetPaths() names the target that matches nothing", () => {
  assertThrows(
    () => chosen({ targetModules: ["q_proj", "k_proj"] }),
    RangeError,
    'Cannot adapt "k_proj"',
  );
});

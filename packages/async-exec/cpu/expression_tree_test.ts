import { assertEquals } from "@std/assert";
import { type Expression, expressionTree } from "./expression_tree.ts";

/** Writes a tree with all its parentheses. */
function written(tree: Expression | undefined): string {
  switch (tree?.kind) {
    case undefined:
      return "none";
    case "number":
      return `${tree.value}`;
    case "name":
      return tree.name;
    case "unary":
      return `(${tree.operator}${written(tree.x)})`;
    case "binary":
      return `(${written(tree.a)} ${tree.operator} ${written(tree.b)})`;
    case "call":
      return `${tree.name}(${tree.operands.map(written).join(", ")})`;
  }
}

for (
  const [text, want] of [
    ["(p0 * sigmoid(p0))", "(p0 * sigmoid(p0))"],
    ["a - b - c * d / e", "((a - b) - ((c * d) / e))"],
    ["-a * !b", "((-a) * (!b))"],
    ["1.5e-3 + f32(2.0)", "(0.0015 + f32(2))"],
    [
      "select(x, 1.0, x > f32(1.0) || is_nan(x) && a == b)",
      "select(x, 1, ((x > f32(1)) || (is_nan(x) && (a == b))))",
    ],
    ["infinity( )", "infinity()"],
    ["a <= b != c", "((a <= b) != c)"],
    ["a +", "none"],
    ["(a", "none"],
    ["f(a b)", "none"],
    ["a b", "none"],
    ["a[0]", "none"],
    ["a & b", "none"],
    ["", "none"],
  ] as const
) {
  Deno.test(`expressionTree() reads "${text}"`, () => {
    assertEquals(written(expressionTree(text)), want);
  });
}

import type { Operation } from "../operation.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { isOperation, OPERATIONS } from "./registry.ts";

const folder = new URL("./", import.meta.url);
const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts"));

Deno.test("OPERATIONS holds each operation that a file of ops/ exports", async () => {
  const missing: string[] = [];
  const found = new Set<Operation>();
  for (const file of files) {
    const exported: Record<string, unknown> = await import(
      new URL(file, folder).href
    );
    for (const [name, value] of Object.entries(exported)) {
      if (!isOperation(value)) continue;
      found.add(value);
      if (OPERATIONS.get(value.name) !== value) missing.push(`${file} ${name}`);
    }
  }
  assertEquals(missing, [], "ops/mod.ts must export these, by a name each");
  assertEquals(found.size, OPERATIONS.size);
});

Deno.test("OPERATIONS finds an operation by the name in plans", () => {
  for (const [name, operation] of OPERATIONS) {
    assertStrictEquals(operation.name, name);
  }
});

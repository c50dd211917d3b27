import { assertEquals } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { relu } from "./relu.ts";

testOp(relu, [random([3, 65], 1)]);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `relu() keeps NaN and infinity on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([NaN, Infinity, -Infinity, 0]);
      assertEquals([...await relu(x).data()], [NaN, Infinity, 0, 0]);
    },
  });
}

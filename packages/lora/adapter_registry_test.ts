import { CausalLanguageModel } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { AdapterRegistry, LoraAdapter, loraConfig } from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const ADAPTERS = "testdata/conformance/adapters";
const FIRST = `${ADAPTERS}/tiny-llama--qv-r8`;
const SECOND = `${ADAPTERS}/tiny-llama--dora-r4`;

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `switching adapters uploads and compiles nothing, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, FOLDER);
      using registry = new AdapterRegistry(model);
      using ids = device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
      const logits = async () => {
        using result = model.logits(model.hidden(ids));
        return await result.data();
      };
      const base = await logits();
      await registry.load("first", FIRST);
      await registry.load("second", SECOND);
      assertEquals(await logits(), base);
      registry.activate("first");
      const first = await logits();
      registry.activate("second");
      const second = await logits();
      assertNotEquals(first, base);
      assertNotEquals(second, first);

      const before = device.statistics();
      registry.activate("first");
      registry.deactivate();
      registry.activate("second");
      registry.activate("first");
      assertEquals(device.statistics(), before);

      assertEquals(await logits(), first);
      registry.activate("second");
      assertEquals(await logits(), second);
      registry.deactivate();
      assertEquals(await logits(), base);
      const after = device.statistics();
      assertEquals(after.pipelines, before.pipelines);
      assertEquals(after.buffers, before.buffers);
      assertEquals(after.bytesInUse, before.bytesInUse);
      assertEquals(after.submissions, before.submissions + 3);
    },
  });
}

Deno.test("a registry lists, unloads and keeps names apart", async () => {
  using model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    FOLDER,
  );
  const own = [...model.linears.values()];
  {
    using registry = new AdapterRegistry(model);
    await registry.load("first", FIRST);
    const config = loraConfig({ rank: 2 });
    registry.add("made", LoraAdapter.inject(model, config));
    assertEquals([...model.linears.values()], own);
    registry.activate("made");
    // Loading beside an active adapter builds on the base, not on that.
    const second = await registry.load("second", SECOND);
    assertEquals(
      [...second.layers.values()].every(({ base }) => own.includes(base)),
      true,
    );
    assertEquals(
      registry.list().map(({ name, active }) => [name, active]),
      [["first", false], ["made", true], ["second", false]],
    );
    await assertRejects(
      () => registry.load("first", SECOND),
      RangeError,
      'Cannot call an adapter "first"',
    );
    registry.unload("made");
    assertEquals(registry.active, undefined);
    assertEquals([...model.linears.values()], own);
    assertThrows(
      () => registry.activate("made"),
      RangeError,
      'Cannot activate "made": the adapters are first, second',
    );
    registry.activate("second");
  }
  assertEquals([...model.linears.values()], own);
});

Deno.test("a registry combines and mixes its adapters", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  using registry = new AdapterRegistry(model);
  await registry.load("first", FIRST);
  await registry.load("other", `${ADAPTERS}/tiny-llama--all-linear-r4`);
  await registry.combine("both", { first: 0.5, other: 2 });
  assertEquals(
    registry.list().map(({ name, active }) => [name, active]),
    [["first", false], ["other", false], ["both", false]],
  );
  registry.activate("first");
  {
    using mix = registry.mix(["both", "first"]);
    assertEquals([registry.active, mix.names], [undefined, ["both", "first"]]);
    assertThrows(
      () => registry.activate("other"),
      RangeError,
      "another adapter",
    );
  }
  registry.activate("both");
  await assertRejects(
    () => registry.combine("new", { first: 1, absent: 1 }),
    RangeError,
    'Cannot combine "absent": the adapters are first, other, both',
  );
});

Deno.test("a second adapter is refused where one is, the first stays", async () => {
  using model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    FOLDER,
  );
  using registry = new AdapterRegistry(model);
  await registry.load("first", FIRST);
  using other = LoraAdapter.inject(model, loraConfig({ rank: 2 }));
  assertThrows(
    () => registry.activate("first"),
    RangeError,
    "q_proj: another adapter is in it, eject that first",
  );
  assertEquals(registry.active, undefined);
  assertThrows(
    () => LoraAdapter.inject(model, loraConfig({ rank: 4 })),
    RangeError,
    "another adapter is in it",
  );
  for (const [path, layer] of other.layers) {
    assertEquals(model.linears.get(path), layer);
  }
});

import { assertEquals } from "@std/assert";
import { removeTornProfiles } from "./remove_torn_profiles.ts";

Deno.test("profiles that are empty or cut are removed, whole ones stay", async () => {
  const folder = await Deno.makeTempDir();
  const whole = JSON.stringify({ url: "file:///a.ts", functions: [{}] });
  await Deno.writeTextFile(`${folder}/whole.json`, whole);
  await Deno.writeTextFile(`${folder}/empty.json`, "");
  await Deno.writeTextFile(`${folder}/cut.json`, whole.slice(0, -2));
  assertEquals(removeTornProfiles(folder), 2);
  assertEquals(
    Array.from(Deno.readDirSync(folder), ({ name }) => name),
    ["whole.json"],
  );
  await Deno.remove(folder, { recursive: true });
});

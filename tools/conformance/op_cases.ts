import type { Device } from "@wick/async-exec";
import { gradients } from "@wick/graph";
import {
  Fields,
  isJsonObject,
  joinPath,
  type JsonObject,
  parseJsonObject,
  readText,
} from "@wick/models";
import type { ConformanceCase } from "./case_result.ts";
import {
  type Difference,
  elementDifference,
  shapeDifference,
} from "./difference.ts";
import { GoldenFile } from "./golden_file.ts";
import { OPERATIONS } from "./operations.ts";
import { Params } from "./params.ts";

/** One entry of the manifest. */
interface Entry {
  readonly name: string;
  readonly op: string;
  readonly params: JsonObject;
  readonly inputs: readonly string[];
  readonly hasGradient: boolean;
  readonly rtol: number;
  readonly atol: number;
}

/**
 * Lists the cases of `ops/manifest.json`: the output of an operation and, where
 * the entry says so, its gradients.
 *
 * @param folder The golden folder.
 * @param device What computes.
 * @returns The cases, in the order of the manifest.
 * @throws {FileFormatError} If the manifest is missing or wrong.
 */
export async function opCases(
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  const path = joinPath(folder, "ops/manifest.json");
  return (await readManifest(path)).map((value, index): ConformanceCase => {
    const name = typeof value["name"] === "string"
      ? value["name"]
      : `case ${index}`;
    return {
      kind: "ops",
      name,
      run: () => runEntry(folder, readEntry(path, value), device),
    };
  });
}

/** A manifest is a list, or an object with a list `cases`. */
async function readManifest(path: string): Promise<JsonObject[]> {
  const text = await readText(path);
  const { cases } = parseJsonObject(
    text.trimStart().startsWith("[") ? `{"cases":${text}}` : text,
    path,
  );
  if (!Array.isArray(cases) || !cases.every(isJsonObject)) {
    const fields: Fields = new Fields(path, { cases });
    fields.fail("cases", "a list of objects");
  }
  return cases;
}

function readEntry(path: string, value: JsonObject): Entry {
  const fields: Fields = new Fields(path, value);
  const text = (name: string): string => {
    const found = fields.get(name);
    return typeof found === "string" ? found : fields.fail(name, "a text");
  };
  const number = (name: string): number => {
    const found = fields.get(name);
    return typeof found === "number" ? found : fields.fail(name, "a number");
  };
  const params = fields.get("params") ?? {};
  const inputs = fields.get("inputs");
  if (!isJsonObject(params)) fields.fail("params", "an object");
  if (!Array.isArray(inputs)) fields.fail("inputs", "a list of names");
  return {
    name: text("name"),
    op: text("op"),
    params,
    inputs: inputs.map(String),
    hasGradient: fields.boolean("has_grad", false),
    rtol: number("rtol"),
    atol: number("atol"),
  };
}

async function runEntry(
  folder: string,
  entry: Entry,
  device: Device,
): Promise<Difference[]> {
  const { name, op, params, inputs, hasGradient } = entry;
  const operation = Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
  if (!operation) {
    throw new RangeError(
      `Cannot run "${op}": there is no operation of this name`,
    );
  }
  const golden = await GoldenFile.read(
    joinPath(folder, `ops/${name}.safetensors`),
  );
  using made = new DisposableStack();
  const operands = new Map(
    inputs.map((input) => [input, made.use(golden.upload(device, input))]),
  );
  const output = made.use(
    operation({ inputs: operands, params: new Params(params), device }),
  );
  const results = new Map([["output", output]]);
  if (hasGradient) {
    const wanted = inputs.filter((input) =>
      golden.names.includes(`grad.${input}`)
    );
    const seed = made.use(golden.upload(device, "grad_output"));
    const found = gradients(
      output,
      wanted.map((input) => operands.get(input)!),
      seed,
    );
    wanted.forEach((input, index) =>
      results.set(`grad.${input}`, made.use(found[index]!))
    );
    if (wanted.length === 0) golden.get(`grad.${inputs[0]}`);
  }
  device.evaluate([...results.values()]);
  const differences: Difference[] = [];
  for (const [key, tensor] of results) {
    const want = golden.get(key);
    differences.push(
      ...shapeDifference(key, tensor.shape, want.shape),
      elementDifference(key, await tensor.data(), want.values, entry),
    );
  }
  return differences;
}

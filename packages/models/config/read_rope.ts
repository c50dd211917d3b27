import { isJsonObject } from "../files/read_json.ts";
import type { RopeScaling } from "./decoder_config.ts";
import { Fields } from "./fields.ts";

/** The base of the frequencies where a file names none. */
const DEFAULT_THETA = 10000;

/**
 * Reads the rotary embedding's base and scaling, which stand in
 * `rope_parameters` in newer files, and in `rope_theta` and `rope_scaling` in
 * older ones.
 *
 * @param fields The fields of `config.json`.
 * @returns The base and the scaling.
 * @throws {FileFormatError} If a number is out of range or the kind of scaling
 * is unknown.
 */
export function readRope(
  fields: Fields,
): { theta: number; scaling: RopeScaling } {
  const name = fields.get("rope_parameters") === undefined
    ? "rope_scaling"
    : "rope_parameters";
  const section = fields.get(name) ?? {};
  if (!isJsonObject(section)) fields.fail(name, "an object or null");
  const rope = new Fields(fields.path, section, `${name}.`);
  const { path } = fields;
  const outer = new Fields(path, { rope_theta: fields.get("rope_theta") });
  const theta = rope.number("rope_theta", {
    minimum: 0,
    fallback: outer.number("rope_theta", {
      minimum: 0,
      fallback: DEFAULT_THETA,
    }),
  });
  for (const place of [rope, fields]) {
    const part = place.number("partial_rotary_factor", {
      minimum: 0,
      fallback: 1,
    });
    if (part !== 1) place.fail("partial_rotary_factor", "1");
  }
  return { theta, scaling: readScaling(rope) };
}

function readScaling(rope: Fields): RopeScaling {
  const spelling = rope.get("rope_type") === undefined ? "type" : "rope_type";
  const type = rope.text(spelling) ?? "default";
  switch (type) {
    case "default":
      return { type };
    case "linear":
      return { type, factor: rope.number("factor", { minimum: 0 }) };
    case "llama3": {
      const low = rope.number("low_freq_factor", { minimum: 0 });
      const high = rope.number("high_freq_factor", { minimum: 0 });
      if (high <= low) {
        rope.fail("high_freq_factor", `greater than low_freq_factor ${low}`);
      }
      return {
        type,
        factor: rope.number("factor", { minimum: 0 }),
        lowFrequencyFactor: low,
        highFrequencyFactor: high,
        originalMaxPositions: rope.integer("original_max_position_embeddings", {
          minimum: 1,
        }),
      };
    }
    default:
      return rope.fail(spelling, '"default", "linear" or "llama3"');
  }
}

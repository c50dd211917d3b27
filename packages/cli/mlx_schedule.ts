import { FileFormatError, isJsonObject } from "@wick/models";

const KINDS: Readonly<Record<string, string>> = {
  "cosine_decay": "cosine",
  "linear_schedule": "linear",
  constant: "constant",
  cosine: "cosine",
  linear: "linear",
};

/**
 * Reads a schedule as mlx-lm writes it: `name`, `warmup`, and `arguments`, of
 * which the first is the highest learning rate and the last of three the least.
 *
 * @param value What stands behind `lr_schedule`.
 * @param path The file, for messages.
 * @returns Options and their values.
 * @throws {FileFormatError} If it is of another kind.
 */
export function mlxSchedule(value: unknown, path: string): [string, string][] {
  const kind = isJsonObject(value) ? KINDS[String(value["name"])] : undefined;
  if (!isJsonObject(value) || kind === undefined) {
    throw new FileFormatError(
      path,
      `"lr_schedule" needs a name out of ${Object.keys(KINDS).join(", ")}`,
    );
  }
  const { warmup, arguments: numbers } = value;
  const options: [string, string][] = [["schedule", kind]];
  if (typeof warmup === "number") {
    options.push(["warmup-steps", String(warmup)]);
  }
  const [highest, steps, last] = Array.isArray(numbers) ? numbers : [];
  if (typeof highest !== "number" || !(highest > 0)) return options;
  // A linear schedule goes from the first to the second, a cosine to the third.
  const end = kind === "linear" ? steps : last;
  const most = Math.max(highest, kind === "linear" ? Number(end) || 0 : 0);
  options.push(["learning-rate", String(most)]);
  if (typeof end === "number") {
    options.push(["min-learning-rate", String(Math.min(highest, end) / most)]);
  }
  return options;
}

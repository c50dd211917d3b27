import {
  Fields,
  FileFormatError,
  isJsonObject,
  type JsonObject,
  readJsonObject,
} from "@wick/models";
import type { BestValidation, TrainingState } from "./training_state.ts";

/** What the description of a checkpoint says. */
export interface CheckpointDescription
  extends Omit<TrainingState, "parameters"> {
  /** What the run was made with. */
  readonly settings: JsonObject;
  /** The checksum of each tensor. */
  readonly checksums: ReadonlyMap<string, string>;
}

/**
 * Reads the description of a checkpoint.
 *
 * @param path The file.
 * @param checksumOf Gives the checksum of what it describes.
 * @returns What it says.
 * @throws {FileFormatError} If it is not as it was written.
 */
export async function parseCheckpoint(
  path: string,
  checksumOf: (description: unknown) => Promise<string>,
): Promise<CheckpointDescription> {
  const { checksum, ...description } = await readJsonObject(path, {
    refuseDuplicateKeys: true,
  });
  const fields: Fields = new Fields(path, description);
  if (fields.get("format") !== "wick checkpoint") {
    fields.fail("format", "wick checkpoint");
  }
  if (fields.get("version") !== 1) {
    fields.fail("version", "1; a newer wick may read it");
  }
  if (checksum !== await checksumOf(description)) {
    throw new FileFormatError(
      path,
      "it is not as it was written, the file is damaged",
    );
  }
  const { best, settings, checksums } = description;
  if (!isJsonObject(settings)) fields.fail("settings", "an object");
  if (!isJsonObject(checksums)) fields.fail("checksums", "an object");
  return {
    step: fields.integer("step", { minimum: 0 }),
    validationsSinceBest: fields.integer("validationsSinceBest", {
      minimum: 0,
    }),
    best: best === null ? undefined : parseBest(path, best),
    settings,
    checksums: new Map(
      Object.entries(checksums).map(([name, value]) => [name, String(value)]),
    ),
  };
}

function parseBest(path: string, best: unknown): BestValidation {
  const fields = new Fields(path, isJsonObject(best) ? best : {}, "best.");
  return {
    step: fields.integer("step", { minimum: 1 }),
    loss: fields.number("loss", { minimum: -1 }),
  };
}

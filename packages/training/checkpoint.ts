import type { Tensor } from "@wick/core-tensor";
import {
  FileFormatError,
  joinPath,
  type JsonObject,
  type NamedTensor,
  openSafetensors,
  type SafetensorsReader,
  toFloat32,
  writeFolderAtomically,
  writeSafetensors,
  writeTextAtomically,
} from "@wick/models";
import type { ParameterState } from "./adamw.ts";
import { parseCheckpoint } from "./parse_checkpoint.ts";
import type { TrainingState } from "./training_state.ts";

/** The file that says what a checkpoint is. */
export const CHECKPOINT_FILE = "checkpoint.json";

const TENSORS_FILE = "state.safetensors";
const PARTS = ["value", "mean", "variance"] as const;

/** A checkpoint, as it is read. */
export interface Checkpoint {
  /** Where the run was. */
  readonly state: TrainingState;
  /** What the run was made with, as it was given to be written. */
  readonly settings: JsonObject;
}

/** Options of {@linkcode writeCheckpoint}. */
export interface WriteCheckpointOptions {
  /** What the run is made with, to be given back when it is read. */
  readonly settings?: JsonObject;
  /** The shape of each parameter, by name; one axis if absent. */
  readonly shapes?: ReadonlyMap<string, Tensor["shape"]>;
  /** Writes further files into the folder that it is given. */
  readonly also?: (folder: string) => Promise<void>;
}

/**
 * Writes a checkpoint. The folder appears whole or not at all; each tensor and
 * the description have checksums.
 *
 * @param folder The folder; the one above it must exist.
 * @param state Where the run is.
 * @param options What else is kept.
 * @throws {FileFormatError} If the folder cannot be written.
 */
export async function writeCheckpoint(
  folder: string,
  state: TrainingState,
  options: WriteCheckpointOptions = {},
): Promise<void> {
  const { settings = {}, shapes, also } = options;
  const { step, best, validationsSinceBest, parameters } = state;
  const tensors: NamedTensor[] = [];
  const checksums: Record<string, string> = {};
  for (const [name, parameter] of parameters) {
    const shape = shapes?.get(name) ?? [parameter.value.length];
    for (const part of PARTS) {
      const bytes = bytesOf(parameter[part]);
      tensors.push({ name: `${part}/${name}`, dtype: "F32", shape, bytes });
      checksums[`${part}/${name}`] = await sha256(bytes);
    }
  }
  const description = {
    ...{ format: "wick checkpoint", version: 1 },
    ...{ step, best: best ?? null, validationsSinceBest, settings, checksums },
  };
  await writeFolderAtomically(folder, async (temporary) => {
    await also?.(temporary);
    await writeSafetensors(joinPath(temporary, TENSORS_FILE), tensors);
    await writeTextAtomically(
      joinPath(temporary, CHECKPOINT_FILE),
      `${
        JSON.stringify(
          { ...description, checksum: await checksumOf(description) },
          null,
          1,
        )
      }\n`,
    );
  });
}

/**
 * Reads a checkpoint.
 *
 * @param folder The folder.
 * @returns Where the run was, and its settings.
 * @throws {FileFormatError} If a file is missing, truncated, or not as it was
 *   written; the message names it.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const path = joinPath(folder, CHECKPOINT_FILE);
  const { checksums, settings, ...state } = await parseCheckpoint(
    path,
    checksumOf,
  );
  using reader = await openSafetensors(joinPath(folder, TENSORS_FILE));
  const parameters = new Map<string, ParameterState>();
  for (const name of namesOf(checksums, path)) {
    const part = (part: typeof PARTS[number]): Promise<Float32Array> =>
      readChecked(reader, `${part}/${name}`, checksums);
    parameters.set(name, {
      value: await part("value"),
      mean: await part("mean"),
      variance: await part("variance"),
    });
  }
  return { state: { ...state, parameters }, settings };
}

async function readChecked(
  reader: SafetensorsReader,
  name: string,
  checksums: ReadonlyMap<string, string>,
): Promise<Float32Array> {
  const raw = await reader.read(name);
  if (raw.dtype !== "F32" || await sha256(raw.bytes) !== checksums.get(name)) {
    throw new FileFormatError(
      reader.path,
      `${name} is not as it was written, the file is damaged`,
    );
  }
  return toFloat32(raw);
}

/** The parameters that have all their parts. */
function namesOf(
  checksums: ReadonlyMap<string, string>,
  path: string,
): string[] {
  const names = [...checksums.keys()].filter((name) =>
    name.startsWith("value/")
  )
    .map((name) => name.slice("value/".length));
  const complete = names.every((name) =>
    PARTS.every((part) => checksums.has(`${part}/${name}`))
  );
  if (!complete || checksums.size !== PARTS.length * names.length) {
    throw new FileFormatError(path, "it lacks a part of a parameter");
  }
  return names;
}

function bytesOf(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = values;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
}

async function checksumOf(value: unknown): Promise<string> {
  return await sha256(new TextEncoder().encode(JSON.stringify(value)));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

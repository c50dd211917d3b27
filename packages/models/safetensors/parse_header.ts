import { FileFormatError } from "../files/file_format_error.ts";
import {
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  quoted,
} from "../files/read_json.ts";
import { bytesPerElement, isSafetensorsDtype } from "./dtype.ts";
import type { TensorInfo } from "./header.ts";

/** A tensor's entry with its name, as the checks pass it on. */
type Entry = readonly [name: string, info: TensorInfo];

/**
 * Parses the JSON header of a safetensors file and checks all that it claims,
 * as the format's own implementation does: the tensors must cover the data
 * without holes or overlaps, up to the last byte.
 *
 * @param json The header's text.
 * @param dataBytes How many bytes follow the header in the file.
 * @param path The file, for messages.
 * @returns The metadata, and the tensors in the order of their bytes.
 * @throws {FileFormatError} If the header is not JSON, names a tensor twice, or
 * claims what the file does not hold.
 * @see {@link https://huggingface.co/docs/safetensors/index#format | The format}
 */
export function parseHeader(
  json: string,
  dataBytes: number,
  path: string,
): { metadata: Record<string, string>; tensors: Map<string, TensorInfo> } {
  const { __metadata__: metadata, ...entries } = parseJsonObject(json, path, {
    refuseDuplicateKeys: true,
    subject: "its header",
  });
  const tensors = Object.entries(entries)
    .map(([name, value]): Entry => [name, parseEntry(name, value, path)])
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkCoverage(tensors, dataBytes, path);
  return { metadata: parseMetadata(metadata, path), tensors: new Map(tensors) };
}

function parseMetadata(value: unknown, path: string): Record<string, string> {
  // mlx writes null where it has none.
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) {
    throw new FileFormatError(path, "its __metadata__ is not an object");
  }
  const texts: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new FileFormatError(
        path,
        `its __metadata__ ${quoted(key)} is not a text`,
      );
    }
    texts.push([key, text]);
  }
  return Object.fromEntries(texts);
}

function parseEntry(name: string, value: unknown, path: string): TensorInfo {
  const fail = (problem: string): never => {
    throw new FileFormatError(path, `tensor ${quoted(name)} ${problem}`);
  };
  if (!isJsonObject(value)) return fail("is not described by an object");
  const dtype = value["dtype"];
  if (typeof dtype !== "string") return fail("has no dtype");
  const shape = sizes(value, "shape");
  if (!shape) {
    return fail("has a shape that is not a list of whole numbers from 0");
  }
  const offsets = sizes(value, "data_offsets");
  if (!offsets || offsets.length !== 2) {
    return fail("has data_offsets that are not two whole numbers from 0");
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) fail(`ends at byte ${end}, before it begins at ${begin}`);
  if (isSafetensorsDtype(dtype)) {
    const bytes = [...shape, bytesPerElement(dtype)].reduce(checkedProduct, 1);
    if (bytes !== end - begin) {
      const needs = Number.isNaN(bytes)
        ? "more bytes than can be"
        : `${bytes} bytes`;
      fail(`of ${dtype} [${shape}] needs ${needs} and has ${end - begin}`);
    }
  }
  return { dtype, shape, begin, end };
}

/** A field that must be a list of exact whole numbers from 0. */
function sizes(value: JsonObject, field: string): number[] | undefined {
  const list = value[field];
  return Array.isArray(list) && list.every(isSize) ? list : undefined;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 &&
    !Object.is(value, -0);
}

/** The product, or NaN where it is too large to be exact. */
function checkedProduct(product: number, size: number): number {
  return Number.isSafeInteger(product * size) ? product * size : NaN;
}

function checkCoverage(
  tensors: readonly Entry[],
  dataBytes: number,
  path: string,
): void {
  let covered = 0;
  let before = "";
  for (const [name, { begin, end }] of tensors) {
    if (end > dataBytes) {
      throw new FileFormatError(
        path,
        `tensor ${quoted(name)} ends at byte ${end} of the data and the file ` +
          `has ${dataBytes}: it is truncated or damaged`,
      );
    }
    if (begin < covered) {
      throw new FileFormatError(
        path,
        `tensor ${quoted(name)} begins at byte ${begin} of the data and ` +
          `overlaps ${quoted(before)}, which ends at ${covered}`,
      );
    }
    if (begin > covered) {
      throw new FileFormatError(
        path,
        `bytes ${covered} to ${begin} of the data, before tensor ` +
          `${quoted(name)}, belong to no tensor`,
      );
    }
    covered = end;
    before = name;
  }
  if (covered !== dataBytes) {
    throw new FileFormatError(
      path,
      `its tensors end at byte ${covered} of the data and the file has ` +
        `${dataBytes}`,
    );
  }
}

import type { Operation } from "../operation.ts";
import * as exported from "./mod.ts";

/**
 * Every operation by its name, so that a graph can be sent as plain data and
 * read on the other side. It is made of what `ops/mod.ts` exports.
 */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  Object.values(exported).filter(isOperation)
    .map((operation) => [operation.name, operation]),
);

/**
 * Tells whether a value is an operation.
 *
 * @param value The value.
 * @returns Whether it has the rules of one.
 */
export function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null &&
    "infer" in value && "reference" in value;
}

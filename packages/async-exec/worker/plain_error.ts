import { DeviceLostError } from "../device_lost_error.ts";
import { DeviceMemoryError } from "../device_memory_error.ts";
import type { PlainError } from "./messages.ts";

type ErrorClass = new (message: string) => Error;

const CLASSES: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ["DeviceLostError", DeviceLostError],
  ["DeviceMemoryError", DeviceMemoryError],
  ["RangeError", RangeError],
  ["TypeError", TypeError],
]);

/**
 * Makes an error plain data, which a message can carry.
 *
 * @param error The error.
 * @returns Its class and its message.
 */
export function toPlainError(error: unknown): PlainError {
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: "Error", message: String(error) };
}

/**
 * Makes an error of plain data.
 *
 * @param plain The class and the message.
 * @returns An error of that class; an `Error` where the class is not known.
 */
export function fromPlainError({ name, message }: PlainError): Error {
  return new (CLASSES.get(name) ?? Error)(message);
}

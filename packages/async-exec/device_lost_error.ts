/** Thrown when a device went away; a new one can be opened. */
export class DeviceLostError extends Error {
  /** The name of the class. */
  override readonly name = "DeviceLostError";
}

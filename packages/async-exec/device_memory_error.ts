/** Thrown when a device would hold more bytes than it may. */
export class DeviceMemoryError extends Error {
  /** The name of the class. */
  override readonly name = "DeviceMemoryError";
}

/** Where a tensor lies in a safetensors file and what it is. */
export interface TensorInfo {
  /** The element type as the header spells it; it may be one we cannot read. */
  readonly dtype: string;
  /** The size along each axis; empty for a single value. */
  readonly shape: readonly number[];
  /** The first byte, counted from {@linkcode SafetensorsHeader.dataOffset}. */
  readonly begin: number;
  /** The byte after the last, counted in the same way. */
  readonly end: number;
}

/** What the header of a safetensors file says, checked against the file. */
export interface SafetensorsHeader {
  /** The free-form `__metadata__`; empty if there is none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Where the tensors' bytes begin in the file. */
  readonly dataOffset: number;
  /** The length of the whole file in bytes. */
  readonly fileBytes: number;
}

import { FileFormatError } from "./file_format_error.ts";

/**
 * Fetches a file, as a browser does.
 *
 * @param address Its address, absolute or from the page.
 * @returns Its bytes.
 * @throws {FileFormatError} If the server does not give it.
 */
export async function fetchFile(address: string): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileFormatError(address, `it cannot be fetched (${reason})`, {
      cause,
    });
  }
  if (response.ok) return await response.blob();
  await response.body?.cancel();
  throw new FileFormatError(
    address,
    `the server answers ${response.status}`,
    { missing: response.status === 404 || response.status === 410 },
  );
}

import { fetchFile } from "./fetch_file.ts";
import { FileFormatError } from "./file_format_error.ts";
import { systemProblem } from "./system_problem.ts";

/** A file that is open for reading. */
export interface OpenFile extends Disposable {
  /** Its length in bytes. */
  readonly size: number;
  /**
   * Reads exactly so many bytes from a place in it.
   *
   * Rejects with a {@linkcode FileFormatError} if the file ends before.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Opens a file for reading. In a browser, which has no files, the path is an
 * address, absolute or from the page, and is fetched.
 *
 * @param path The file.
 * @returns The file, to be disposed of.
 * @throws {FileFormatError} If it is missing, no regular file, or refused.
 */
export async function openFile(path: string): Promise<OpenFile> {
  return typeof Deno === "undefined"
    ? new FetchedFile(path, await fetchFile(path))
    : await openDiskFile(path);
}

async function openDiskFile(path: string): Promise<OpenFile> {
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path);
    const { size, isFile } = await file.stat();
    if (!isFile) throw new FileFormatError(path, "it is not a regular file");
    return new DiskFile(path, file, size);
  } catch (error) {
    file?.close();
    throw systemProblem(path, error);
  }
}

class DiskFile implements OpenFile {
  readonly size: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  // A file has one position, so reads that were asked for at once take turns.
  #lastRead: Promise<unknown> = Promise.resolve();
  #open = true;

  constructor(path: string, file: Deno.FsFile, size: number) {
    this.#path = path;
    this.#file = file;
    this.size = size;
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const read = this.#lastRead.then(async () => {
      if (!this.#open) throw new TypeError(`Cannot read ${this.#path}: closed`);
      try {
        return await this.#readNow(offset, length);
      } catch (error) {
        throw systemProblem(this.#path, error);
      }
    });
    this.#lastRead = read.catch(() => {});
    return read;
  }

  async #readNow(
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const count = await this.#file.read(bytes.subarray(done));
      if (count === null) {
        throw endsTooSoon(this.#path, offset + done, offset + length);
      }
      done += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

/** A file that was fetched: a browser keeps large ones on its disk. */
class FetchedFile implements OpenFile {
  readonly size: number;
  readonly #path: string;
  readonly #blob: Blob;

  constructor(path: string, blob: Blob) {
    this.#path = path;
    this.#blob = blob;
    this.size = blob.size;
  }

  async read(
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const end = offset + length;
    if (end > this.size) throw endsTooSoon(this.#path, this.size, end);
    return await this.#blob.slice(offset, end).bytes();
  }

  [Symbol.dispose](): void {}
}

function endsTooSoon(
  path: string,
  end: number,
  expected: number,
): FileFormatError {
  return new FileFormatError(
    path,
    `it ends at byte ${end} and ${expected} were expected`,
  );
}

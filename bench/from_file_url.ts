/**
 * Gives the path of a `file:` URL, on Windows too.
 *
 * @param url The URL.
 * @returns The path.
 */
export function fromFileUrl(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

/**
 * Makes a text safe to stand in HTML, in an attribute too.
 *
 * @param text The text.
 * @returns The same, as markup shows it.
 */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

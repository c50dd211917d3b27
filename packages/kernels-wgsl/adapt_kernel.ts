import { replaceBody } from "./hook.ts";
import { specialize } from "./specialize.ts";
import { stripComments } from "./strip_comments.ts";

/** What to change in a kernel. */
export interface KernelOptions {
  /** New values for the kernel's `const NAME: u32 = …;` lines. */
  sizes?: Readonly<Record<string, number>>;
  /** New types for the kernel's `alias NAME = …;` lines. */
  types?: Readonly<Record<string, string>>;
  /**
   * New bodies for hook functions, by function name. The parameters keep the
   * names that they have in the kernel's file.
   */
  hooks?: Readonly<Record<string, string>>;
  /**
   * More module-scope code, put after the kernel's last binding: bindings and
   * functions that the hooks use.
   */
  declarations?: string;
}

/**
 * Changes the text of a kernel and specialises it.
 *
 * @param kernel The text, as it stands in its file.
 * @param options What to change.
 * @returns Text that `createShaderModule()` accepts, without comments.
 * @throws {RangeError} Where the kernel has no such size, type or hook, or
 * cannot be specialised.
 */
export function adaptKernel(kernel: string, options: KernelOptions): string {
  const { sizes, types = {}, hooks = {}, declarations } = options;
  let text = stripComments(kernel);
  for (const [alias, type] of Object.entries(types)) {
    text = setType(text, alias, type);
  }
  for (const [hook, body] of Object.entries(hooks)) {
    text = replaceBody(text, hook, stripComments(body));
  }
  if (declarations) text = addDeclarations(text, stripComments(declarations));
  text = specialize(text, sizes);
  return usesHalf(text) && !/\benable f16;/.test(text)
    ? `enable f16;\n${text}`
    : text;
}

function setType(text: string, alias: string, type: string): string {
  const line = new RegExp(`\\balias ${alias}\\s*=[^;]+;`);
  if (!line.test(text)) {
    throw new RangeError(
      `Cannot set the type ${alias}: the kernel has no such alias`,
    );
  }
  return text.replace(line, () => `alias ${alias} = ${type};`);
}

function addDeclarations(text: string, declarations: string): string {
  const last = text.lastIndexOf("@group");
  if (last < 0) {
    throw new RangeError(
      "Cannot add declarations: the kernel has no binding to put them after",
    );
  }
  const end = text.indexOf(";", last) + 1;
  return `${text.slice(0, end)}\n${declarations.trim()}${text.slice(end)}`;
}

function usesHalf(text: string): boolean {
  return /\bf16\b|\b(?:vec[234]|mat[234]x[234])h\b/.test(text);
}

/** Gives the position of the quote that closes the string opened at `start`. */
function endOfString(json: string, start: number): number {
  let end = start + 1;
  while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
  return end;
}

/**
 * Finds a key that stands twice in one object of a JSON text, at any depth.
 * `JSON.parse` keeps the last of them and says nothing, so a file could show
 * one reader other contents than the next.
 *
 * @param json A text that `JSON.parse` accepts.
 * @returns The first repeated key, or undefined if there is none.
 */
export function findDuplicateKey(json: string): string | undefined {
  // One entry for each open bracket: the keys of an object, or a list.
  const open: (Set<string> | "list")[] = [];
  let keyComes = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        open.push(new Set());
        keyComes = true;
        break;
      case "[":
        open.push("list");
        keyComes = false;
        break;
      case "}":
      case "]":
        open.pop();
        keyComes = false;
        break;
      case ",":
        keyComes = open.at(-1) !== "list";
        break;
      case '"': {
        const end = endOfString(json, at);
        const keys = open.at(-1);
        if (keyComes && keys instanceof Set) {
          const key: string = JSON.parse(json.slice(at, end + 1));
          if (keys.has(key)) return key;
          keys.add(key);
          keyComes = false;
        }
        at = end;
        break;
      }
    }
  }
  return undefined;
}

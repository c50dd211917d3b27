/**
 * The rules of the house that `deno lint` can see.
 *
 * - `error-message`: start with a capital, end without a period.
 * - `no-abbreviation`: names are words that a reader would say.
 * - `no-early-return-in-test`: a test that is skipped says so by `ignore:`.
 * - `file-name`: snake_case.
 * - `file-length`: 400 lines at most, generated files aside.
 *
 * @module
 */

const MOST_LINES = 400;

/** Abbreviations, and the words for them. */
const WORDS: Readonly<Record<string, string>> = {
  buf: "buffer",
  cfg: "config",
  cnt: "count",
  ctx: "context",
  idx: "index",
  len: "length",
  mgr: "what it manages",
  msg: "message",
  num: "count",
  ptr: "pointer",
  tmp: "what it holds",
  util: "what it does",
  utils: "what they do",
  helper: "what it does",
  helpers: "what they do",
  manager: "what it manages",
};

/** The text of a message as far as it is written out; `…` for a value. */
function messageOf(node: Deno.lint.Node | undefined): string | undefined {
  switch (node?.type) {
    case "Literal":
      return typeof node.value === "string" ? node.value : undefined;
    case "TemplateLiteral":
      return node.quasis.map(({ cooked }) => cooked).join("…");
    case "BinaryExpression": {
      if (node.operator !== "+") return undefined;
      if (node.left.type === "PrivateIdentifier") return undefined;
      const left = messageOf(node.left);
      return left === undefined
        ? undefined
        : left + (messageOf(node.right) ?? "…");
    }
    default:
      return undefined;
  }
}

/** The lower-case words of a name: `maxBufIndex` has `max`, `buf`, `index`. */
function wordsOf(name: string): string[] {
  return name.replace(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase().split("_");
}

/** The function that a call of `Deno.test` or `it` runs, if it is one. */
function testBody(
  node: Deno.lint.CallExpression,
): Deno.lint.Node | undefined {
  const { callee } = node;
  const isTest = callee.type === "Identifier"
    ? callee.name === "it"
    : callee.type === "MemberExpression" &&
      callee.object.type === "Identifier" && callee.object.name === "Deno" &&
      callee.property.type === "Identifier" && callee.property.name === "test";
  if (!isTest) return undefined;
  for (const argument of node.arguments) {
    if (isFunction(argument)) return argument.body ?? undefined;
    if (argument.type !== "ObjectExpression") continue;
    for (const property of argument.properties) {
      if (property.type === "Property" && isFunction(property.value)) {
        return property.value.body ?? undefined;
      }
    }
  }
  return undefined;
}

function isFunction(
  node: Deno.lint.Node,
): node is Deno.lint.ArrowFunctionExpression | Deno.lint.FunctionExpression {
  return node.type === "ArrowFunctionExpression" ||
    node.type === "FunctionExpression";
}

function isIdentifier(
  node: { type: string } | null,
): node is Deno.lint.Identifier {
  return node?.type === "Identifier";
}

/** Whether a statement is `if (…) return;` or a block that ends so. */
function isEarlyReturn(statement: Deno.lint.Node): boolean {
  if (statement.type !== "IfStatement") return false;
  const last = statement.consequent.type === "BlockStatement"
    ? statement.consequent.body.at(-1)
    : statement.consequent;
  return last?.type === "ReturnStatement" && !last.argument;
}

const plugin: Deno.lint.Plugin = {
  name: "wick",
  rules: {
    "error-message": {
      create(context) {
        return {
          NewExpression(node) {
            if (
              node.callee.type !== "Identifier" ||
              !node.callee.name.endsWith("Error")
            ) return;
            const message = messageOf(node.arguments[0]);
            if (message === undefined) return;
            if (!/^[A-Z"'`…\d]/.test(message) || message.endsWith(".")) {
              context.report({
                node: node.arguments[0] ?? node,
                message: "Start with a capital, end without a period",
              });
            }
          },
        };
      },
    },
    "no-abbreviation": {
      create(context) {
        function check(node: { type: string } | null): void {
          if (!isIdentifier(node)) return;
          for (const word of wordsOf(node.name)) {
            if (!Object.hasOwn(WORDS, word)) continue;
            context.report({
              node,
              message: `Write ${WORDS[word]} instead of "${word}"`,
            });
          }
        }
        const parameters = (node: { params: { type: string }[] }): void =>
          node.params.forEach(check);
        return {
          VariableDeclarator: (node) => check(node.id),
          FunctionDeclaration: (node) =>
            [node.id, ...node.params].forEach(check),
          FunctionExpression: parameters,
          ArrowFunctionExpression: parameters,
          ClassDeclaration: (node) => check(node.id),
          TSInterfaceDeclaration: (node) => check(node.id),
          TSTypeAliasDeclaration: (node) => check(node.id),
        };
      },
    },
    "no-early-return-in-test": {
      create(context) {
        return {
          CallExpression(node) {
            const body = testBody(node);
            if (body?.type !== "BlockStatement") return;
            for (const statement of body.body) {
              if (!isEarlyReturn(statement)) continue;
              context.report({
                node: statement,
                message: "Skip a test by `ignore:`, where the report shows it",
              });
            }
          },
        };
      },
    },
    "file-name": {
      create(context) {
        return {
          Program(node) {
            const name = context.filename.split(/[\\/]/).at(-1) ?? "";
            if (/^[a-z\d_.#-]+$/.test(name)) return;
            context.report({
              node,
              message: `Name the file in snake_case: "${name}"`,
            });
          },
        };
      },
    },
    "file-length": {
      create(context) {
        return {
          Program(node) {
            const { text } = context.sourceCode;
            const lines = text.trimEnd().split("\n").length;
            if (lines <= MOST_LINES || text.startsWith("// Written by ")) {
              return;
            }
            context.report({
              node,
              message:
                `Split the file: it has ${lines} lines, more than ${MOST_LINES}`,
            });
          },
        };
      },
    },
  },
};

export default plugin;

export default { name: "wick", rules: {} } satisfies Deno.lint.Plugin;

// Turns sentences into vectors with a text encoder, and finds those nearest to a
// question. Any folder of MiniLM, E5 or MPNet does; the one here is tiny and of
// random weights, so it finds sentences with the same words.
//
//   deno run -A examples/06_embeddings_search.ts [FOLDER]
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { EmbeddingModel, nearest } from "@wick/models";

const folder = Deno.args[0] ??
  `${import.meta.dirname}/../testdata/conformance/embeddings/tiny-bert`;
using device = await openDevice();
using model = await EmbeddingModel.load(device, folder, {
  // E5 wants "query: " and "passage: "; this one wants nothing.
  queryPrefix: "",
  passagePrefix: "",
});

const passages = [
  "The quick river runs under the bridge",
  "Order 12: a green stone costs 3.50 euros",
  "Seven long mornings, and a quiet window",
  "The bridge over the river is closed in the morning",
];
const vectors = await model.encode(passages, { as: "passage" });
console.log(`${vectors.length} vectors of ${model.dimensions} numbers`);

for (const query of ["what does the green stone cost", "river bridge"]) {
  const [vector] = await model.encode([query], { as: "query" });
  console.log(`\n${query}`);
  for (const { index, score } of nearest(vector!, vectors, 2)) {
    console.log(`  ${score.toFixed(3)}  ${passages[index]}`);
  }
}

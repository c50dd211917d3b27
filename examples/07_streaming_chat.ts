// Answers as it writes: messages become a prompt by the model's chat template,
// tokens become text that is never half a character.
//
//   deno run -A examples/07_streaming_chat.ts [ADAPTER]
//
// With the adapter of `deno task demo` (out/tickets) the answers are tickets;
// without one the base model goes on as it likes.
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { loadAdapter } from "@wick/lora";
import {
  CausalLanguageModel,
  type ChatMessage,
  chatPrompt,
  generateStream,
  loadTokenizer,
} from "@wick/models";

const tickets = `${import.meta.dirname}/tickets`;
using device = await openDevice();
using model = await CausalLanguageModel.load(device, `${tickets}/base-model`);
using _adapter = Deno.args[0] ? await loadAdapter(model, Deno.args[0]) : null;
const tokenizer = await loadTokenizer(`${tickets}/base-model`, {
  chatTemplate: `${tickets}/chat_template.jinja`, // most models have their own
});

const write = (text: string) =>
  Deno.stdout.writeSync(new TextEncoder().encode(text));
const messages: ChatMessage[] = [];
for (const content of ["call the painter on monday at 9am", "pay the baker"]) {
  messages.push({ role: "user", content });
  write(`user: ${content}\nassistant:`);
  let answer = "";
  let worst = 0;
  const pieces = generateStream(
    model,
    tokenizer,
    [chatPrompt(tokenizer, messages)],
    {
      maxNewTokens: 48,
      temperature: 0.7,
      topP: 0.9,
      seed: 1,
      stopStrings: ["\n"],
    },
  );
  for await (const { text, logProbability, finish } of pieces) {
    answer += text;
    worst = Math.min(worst, logProbability);
    write(text);
    if (finish) {
      write(`\n(${finish}; the least likely token: ${worst.toFixed(2)})\n`);
    }
  }
  messages.push({ role: "assistant", content: answer.trim() });
}
console.log(`${messages.length} messages`);

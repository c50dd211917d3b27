/** Cuts text into lines. */
export class TextLineStream extends TransformStream<string, string> {
  /** Starts with no line. */
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller) {
        const lines = `${rest}${chunk}`.split("\n");
        rest = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}

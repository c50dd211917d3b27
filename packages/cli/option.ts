/** An option of a command. */
export interface Option {
  /** Its name, without the dashes. */
  readonly name: string;
  /** What stands for its value in the help; a flag if absent. */
  readonly value?: string;
  /** Whether it can be given several times; once if absent. */
  readonly repeats?: boolean;
  /** What it does, in a line. */
  readonly text: string;
}

/** The options that every command has. */
export const COMMON_OPTIONS: readonly Option[] = [
  {
    name: "device",
    value: "cpu|webgpu|auto",
    text: "what computes; WICK_DEVICE if absent",
  },
  { name: "json", text: "write results as JSON" },
  { name: "quiet", text: "write nothing but results and errors" },
  { name: "help", text: "show this page" },
];

/**
 * LoRA for Wick's modules: configuration, injection, merging and adapter files.
 *
 * @module
 */
export {};

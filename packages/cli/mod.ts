/**
 * The `wick` program.
 *
 * @module
 */
export {};

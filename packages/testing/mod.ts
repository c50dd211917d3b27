/**
 * Assertions and fixtures for numerical tests. Nothing here is for programs.
 *
 * @module
 */
export {};

/**
 * The shaders as text, and the ways to adapt one.
 *
 * @module
 */
export {};

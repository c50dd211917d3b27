/**
 * Fine-tuning: losses, the optimizer, schedules, data sets and the training loop.
 *
 * @module
 */
export {};

/** What stands in front of an inference server and lets in who has a license. Needs no Nest, no database, no TensorFlow. */
export type { Licensed } from './adapters.ts';
export { expressGate, fastifyGate, nestGate } from './adapters.ts';
export type { Admission, GateOptions, GateRequest } from './gate.ts';
export { Gate } from './gate.ts';
export type { Action, Purpose, ServedModel } from './purpose.ts';

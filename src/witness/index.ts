export { startWitness } from './server.ts';
export type { RunningWitness, WitnessServerOptions } from './server.ts';
export { Witness } from './witness.ts';
export type { Answer, WitnessOptions } from './witness.ts';
export { makeWitnessKey, readWitnessKey } from './witness-key.ts';
export type { WitnessKey } from './witness-key.ts';

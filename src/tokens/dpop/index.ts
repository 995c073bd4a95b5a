/** Proofs of possession by themselves: no Nest, no database, no network. */
export type { HolderKey, ProofRequest } from './make.ts';
export { holderKey, makeProof } from './make.ts';
export type { Proof, ProofQuestion } from './proof.ts';
export { DPOP_ALGORITHMS, verifyProof } from './proof.ts';

export type { JudgedAudit, JudgedMap } from './map-answer.ts';
export { judgeMapAge, verifyMapAnswer } from './map-answer.ts';
export { judgeProgress } from './progress.ts';
export type { JudgedTime } from './receipt-time.ts';
export { judgeSuccession } from './succession.ts';
export type { Previous } from './succession.ts';
export {
  addTrust,
  addTsaRoots,
  addWitness,
  formatTrust,
  isWitnessKey,
  NO_TRUST,
  parseTrust,
  replaceKey,
  trustFileSchema,
} from './trust-file.ts';
export type { Trust, TrustedLog } from './trust-file.ts';
export { PROVED, SUCCEEDED, UNPROVEN, UNWITNESSED, verifyCheckpoint, verifyReceiptAgainst } from './verdict.ts';
export type { JudgedCheckpoint, Verdict } from './verdict.ts';
export { parseWitnessPolicy } from './witness-policy.ts';
export type { WitnessPolicy } from './witness-policy.ts';
export { countable, readWitnesses, spelled, witnessLevel } from './witnesses.ts';
export type { WitnessLevel } from './witnesses.ts';

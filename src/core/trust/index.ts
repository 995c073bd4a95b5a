export { judgeProgress } from './progress.ts';
export { addTrust, formatTrust, NO_TRUST, parseTrust, trustFileSchema } from './trust-file.ts';
export type { Trust } from './trust-file.ts';
export { PROVED, UNPROVEN, verifyCheckpoint, verifyReceiptAgainst } from './verdict.ts';
export type { JudgedCheckpoint, Verdict } from './verdict.ts';

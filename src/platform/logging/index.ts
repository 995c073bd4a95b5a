export { createLog, LOG, NestLog, withoutPasswords } from './log.ts';
export type { Log } from './log.ts';

export { fsck } from './fsck.ts';
export type { FsckOptions } from './fsck.ts';
export type { Finding, FindingCode, FsckReport } from './report.ts';
export { runFsck } from './run-fsck.ts';
export type { RunFsckOptions } from './run-fsck.ts';

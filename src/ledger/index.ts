export { LedgerModule } from './ledger.module.ts';
export type { Idempotency } from './idempotency-key.ts';
export { IdempotencyKey } from './idempotency-key.ts';
export { Ledger, signedWriteSchema, writeSchema } from './ledger.service.ts';
export type { Attested, SignedWrite, Write, WriteOptions } from './ledger.service.ts';
export { LogReader } from './log-reader.ts';
export { holding } from './ledger-core.ts';
export { signingKey } from './signing-keys.ts';
export { Timestamping } from './timestamping/index.ts';

export type { HashName, TimestampCrypto } from './algorithms.ts';
export { nameOf, parseRoot } from './certificate-path.ts';
export { rootsInPem } from './pem.ts';
export { formatTimestampRequest, REPLY_TYPE, REQUEST_TYPE } from './request.ts';
export { stampedNote } from './stamped-note.ts';
export type { Timestamp, TimestampExpectation } from './timestamp.ts';
export { verifyTimestamp } from './timestamp.ts';
export { MAX_REPLY } from './token.ts';

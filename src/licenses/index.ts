export { LicenseModule } from './license.module.ts';
export type { Revoke } from './license.schema.ts';
export { GRANT_STATES, revokeSchema } from './license.schema.ts';
export type { GrantView, Revoked } from './license.service.ts';
export { LicenseService, readerOf, stateOf } from './license.service.ts';

export { LicenseModule } from './license.module.ts';
export type { Revoke } from './grant.schema.ts';
export { GRANT_STATES, revokeSchema } from './grant.schema.ts';
export type { GrantView, Revoked } from './grant.service.ts';
export { GrantService, readerOf, stateOf } from './grant.service.ts';

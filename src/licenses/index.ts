export { LicenseModule } from './license.module.ts';
export type { GrantView, Revoke } from './grant.schema.ts';
export { revokeSchema } from './grant.schema.ts';
export { GrantNotices } from './grant-notices.ts';
export type { Lives } from './grant.store.ts';
export { LIVES } from './grant.store.ts';
export { ObligationsService } from './obligations.service.ts';
export { GrantService, readerOf, stateOf } from './grant.service.ts';

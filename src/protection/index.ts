export { ProtectionModule } from './protection.module.ts';
export { ProtectionService } from './protection.service.ts';
export type { DataRightsView, MarketView } from './protection.schema.ts';

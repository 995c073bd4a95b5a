export { PartyModule } from './party.module.ts';
export { PartyService } from './party.service.ts';
export type { PartyView } from './party.schema.ts';
export { partyView } from './party.schema.ts';
export { registrarKeyFile } from './registrar-key.ts';

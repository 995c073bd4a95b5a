export { SealedModule } from './sealed.module.ts';
export { statedSchema } from './sealed.schema.ts';
export { statedIn } from './sealed.store.ts';
export type { SealedView } from './sealed.schema.ts';

export { SealedModule } from './sealed.module.ts';
export type { SealedView } from './sealed.schema.ts';

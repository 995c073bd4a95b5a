export { MasterKey } from './master-key.ts';

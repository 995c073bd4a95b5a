export type { DocumentFacts, Part } from './document.ts';
export { writePdf } from './document.ts';

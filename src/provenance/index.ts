export { ProvenanceModule } from './provenance.module.ts';

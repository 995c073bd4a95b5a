export { FingerprintModule } from './fingerprint.module.ts';

import { RegistryError } from '../errors.ts';

/** @param why completes the sentence "The timestamp …" */
export const invalid = (why: string, cause?: unknown): RegistryError =>
  new RegistryError('timestamp_invalid', `The timestamp ${why}.`, { cause });

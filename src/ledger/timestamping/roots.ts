/** The trusted roots of timestamp authorities, from the PEM file that the settings name; read once, at the start. */
import { readFile } from 'node:fs/promises';
import { RegistryError } from '../../core/errors.ts';
import { rootsInPem } from '../../core/time/index.ts';

/** @returns DER in base64 @throws RegistryError `configuration_invalid` */
export async function readRoots(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  try {
    return rootsInPem(await readFile(path, 'utf8'), 'MUNIMENT_TSA_ROOTS');
  } catch (cause) {
    const why = cause instanceof RegistryError ? cause.message : `The file "${path}" cannot be read.`;
    throw new RegistryError('configuration_invalid', `MUNIMENT_TSA_ROOTS is of no use. ${why}`, {
      field: 'MUNIMENT_TSA_ROOTS',
      fix: 'Name a PEM file with the root certificates of timestamp authorities.',
      cause,
    });
  }
}

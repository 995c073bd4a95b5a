/** The witness policy from the file that the settings name. */
import { readFile } from 'node:fs/promises';
import { RegistryError } from '../../core/errors.ts';
import type { WitnessPolicy } from '../../core/trust/index.ts';
import { parseWitnessPolicy } from '../../core/trust/index.ts';
import type { Config } from '../../platform/config/index.ts';
import { sha256 } from '../../platform/crypto.ts';

/** @throws RegistryError `configuration_invalid` */
export async function readWitnessPolicy({
  witnessesFile,
}: Pick<Config, 'witnessesFile'>): Promise<WitnessPolicy | undefined> {
  if (witnessesFile === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(witnessesFile, 'utf8');
  } catch (cause) {
    throw refuse(`The file "${witnessesFile}" cannot be read.`, cause);
  }
  try {
    return parseWitnessPolicy(sha256, text);
  } catch (cause) {
    if (!(cause instanceof RegistryError)) throw cause;
    throw refuse(
      `In "${witnessesFile}"${cause.field === undefined ? '' : `, ${cause.field}`}: ${cause.message}`,
      cause,
    );
  }
}

const refuse = (sentence: string, cause: unknown): RegistryError =>
  new RegistryError('configuration_invalid', sentence, {
    field: 'MUNIMENT_WITNESSES',
    fix: 'Correct the file; docs/operations.md describes it.',
    cause,
  });

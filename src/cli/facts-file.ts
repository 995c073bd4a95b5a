/** A file in which somebody states something by name. */
import { RegistryError } from '../core/errors.ts';
import { readText } from './settings.ts';

/** More than any statement takes. */
const MAX_FILE_BYTES = 1 << 20;

/** What a YAML or JSON file says; JSON is YAML. Nothing where there is no file. @throws RegistryError `usage`, `payload_too_large`, `unreachable` */
export async function readFacts(path: string | undefined): Promise<object> {
  if (path === undefined) return {};
  const text = await readText(path);
  if (text.length > MAX_FILE_BYTES) {
    throw new RegistryError('payload_too_large', `The file "${path}" is larger than any record.`, { field: 'file' });
  }
  const { parse } = await import('yaml');
  let facts: unknown;
  try {
    facts = parse(text);
  } catch (cause) {
    throw new RegistryError('usage', `The file "${path}" is neither YAML nor JSON.`, { field: 'file', cause });
  }
  if (typeof facts === 'object' && facts !== null && !Array.isArray(facts)) return facts;
  throw new RegistryError('usage', `The file "${path}" states nothing by name.`, {
    field: 'file',
    fix: 'Write lines such as "sourceCategory: licensed"; GET /v1/schemas shows every name.',
  });
}

/** What of an error goes to whoever asked for a run or a replay: it reads it later, where no answer carries problem details. */
import type { RegistryError } from '../core/errors.ts';
import type { RunView } from './run.schema.ts';

export function told(error: RegistryError): NonNullable<RunView['error']> {
  const { code, detail, field, fix } = error.toProblem();
  return { code, detail, ...(field === undefined ? {} : { field }), ...(fix === undefined ? {} : { fix }) };
}

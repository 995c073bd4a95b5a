/** What zod found wrong, as the one sentence and the one field that a caller can act on. */
import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { RegistryError } from '../errors.ts';

export function zodProblem(error: z.core.$ZodError, code: ErrorCode, under = ''): RegistryError {
  const [issue] = error.issues;
  if (issue === undefined) return new RegistryError(code, 'The input does not fit its schema.');
  const field = [...(under === '' ? [] : [under]), ...issue.path.map(String)].join('.');
  const message = issue.message.replace(/\.$/, '');
  return new RegistryError(code, field === '' ? `${message}.` : `${field}: ${message}.`, field === '' ? {} : { field });
}

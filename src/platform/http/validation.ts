/** Zod at the edges: `@Body({ schema })`, `@Query({ schema })`, `@Param({ schema })` refuse with the member's name. */
import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';

export const validation = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({ exceptionFactory: (issues) => fromIssues(issues as readonly z.core.$ZodIssue[]) });

function fromIssues([issue]: readonly z.core.$ZodIssue[]): RegistryError {
  if (!issue) return new RegistryError('invalid_input', 'The input does not fit its schema.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = [...issue.path, ...unknown].map(String).join('.').slice(0, 200);
  const where = field === '' ? 'The input' : `"${field}"`;
  const message = unknown.length
    ? `${where} is not known here.`
    : `${where} is not right: ${lowerFirst(issue.message)}.`;
  return new RegistryError('invalid_input', message, { ...(field === '' ? {} : { field }) });
}

const lowerFirst = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, '');

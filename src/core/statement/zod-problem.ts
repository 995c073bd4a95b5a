/** What zod found wrong, as the one sentence and the one field that a caller can act on. */
import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { RegistryError } from '../errors.ts';

type Issue = z.core.$ZodIssue;

/** @param under where the checked value stands in what the caller sent */
export function zodProblem(error: { readonly issues: readonly Issue[] }, code: ErrorCode, under = ''): RegistryError {
  const issue = error.issues[0] && telling(error.issues[0]);
  if (issue === undefined) return new RegistryError(code, 'The input does not fit its schema.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...(under === '' ? [] : [under]), ...issue.path, ...unknown].map(String).join('.').slice(0, 200);
  const subject = path === '' ? 'The input' : `"${path}"`;
  const sentence =
    unknown.length > 0 ? `${subject} is not known here.` : `${subject} is not right: ${lower(issue.message)}.`;
  return new RegistryError(code, sentence, path === '' ? {} : { field: path });
}

/**
 * Of the alternatives of a union, the one that the value came closest to tells what is wrong: the one that knows the
 * members it has, then the one with the fewest faults.
 */
function telling(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const strangers = (faults: readonly Issue[]) => faults.filter((fault) => fault.code === 'unrecognized_keys').length;
  const [closest] = [...issue.errors].sort((a, b) => strangers(a) - strangers(b) || a.length - b.length);
  const first = closest?.[0];
  if (first === undefined) return issue;
  return telling({ ...first, path: [...issue.path, ...first.path] });
}

const lower = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, '');

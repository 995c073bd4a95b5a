/** What of an error ends the work of a worker, and is told to whoever asked for it. */
import { RegistryError } from '../../core/errors.ts';
import type { RunView } from '../../runs/index.ts';
import { told } from '../../runs/index.ts';

const TRANSIENT: readonly RegistryError['code'][] = [
  'cancelled',
  'database_unavailable',
  'ledger_refuses_to_sign',
  'rate_limited',
  'shutting_down',
  'unreachable',
];

/** What is told, or undefined when another attempt may do better. */
export function failureOf(error: unknown): NonNullable<RunView['error']> | undefined {
  if (error instanceof RegistryError) {
    return TRANSIENT.includes(error.code) ? undefined : told(error);
  }
  // SQLSTATE classes 08 connection, 53 resources, 57 operator, and the driver's own words for a lost connection.
  const { code, message } = error as { code?: unknown; message?: unknown };
  const lost = /^(?:08|53|57)|^E(?:CONN|PIPE|TIMEDOUT)/.test(String(code)) || /connection/i.test(String(message));
  if (lost) return undefined;
  return { code: 'internal', detail: 'Something went wrong inside the worker.' };
}

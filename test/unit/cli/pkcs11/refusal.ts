/** The error that something is refused with. */
import { RegistryError } from '../../../../src/core/errors.ts';

export function refusal(attempt: () => unknown): RegistryError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

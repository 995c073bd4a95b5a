/** What people type, read strictly: digests, times, numbers. A wrong word is wrong usage. */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { ACTIONS } from '../core/licensing/actions.ts';

/**
 * `sha256:` and 64 hex digits, or the digits alone; undefined for what does not look like a digest.
 * @throws RegistryError `digest_malformed` for `sha256:` with anything else after it, and for many digits of another number
 */
export function digestOf(text: string): Digest | undefined {
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex !== undefined) return `sha256:${hex.toLowerCase()}`;
  if (!/^sha256:|^[0-9a-f]{32,}$/i.test(text)) return undefined;
  throw new RegistryError('digest_malformed', `"${text.slice(0, 120)}" is not a SHA-256 digest.`, {
    fix: 'Give 64 hex digits, as "muniment hash FILE" prints them; write ./ before the name of a file.',
  });
}

/**
 * A digest as an option takes it, which may be given several times.
 * @throws RegistryError `digest_malformed`
 */
export function digestArgument(text: string, before: readonly Digest[] = []): Digest[] {
  const digest = digestOf(text);
  if (digest !== undefined) return [...before, digest];
  throw new RegistryError('digest_malformed', `"${text.slice(0, 120)}" is not a SHA-256 digest.`, {
    fix: 'Give 64 hex digits, as "muniment hash FILE" prints them.',
  });
}

/** UTC with milliseconds, as statements carry it. @throws RegistryError `usage` */
export function instantOf(text: string): string {
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(time.getTime())) return time.toISOString();
  throw new RegistryError('usage', `"${text}" is not a time.`, { fix: 'Write it as in 2027-01-01T00:00:00Z.' });
}

/** A day of the calendar, as instruments of title name it. @throws RegistryError `usage` */
export function dayOf(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text).getTime() : NaN;
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(text)) return text;
  throw new RegistryError('usage', `"${text}" is not a day.`, { fix: 'Write it as in 2027-01-31.' });
}

/** @throws RegistryError `usage` */
export function numberOf(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new RegistryError('usage', `"${text}" is not a number.`, { fix: 'See --help.' });
}

/** @throws RegistryError `usage` */
export function wholeNumberOf(text: string): number {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new RegistryError('usage', `"${text}" is not a whole number.`, { fix: 'See --help.' });
}

/** Reads a whole number from `least` to `most`, as an option takes it; another one is refused as `usage`. */
export const countOf =
  (least: number, most: number) =>
  (text: string): number => {
    const count = wholeNumberOf(text);
    if (count >= least && count <= most) return count;
    throw new RegistryError('usage', `"${text}" is not a number from ${least} to ${most}.`, { fix: 'See --help.' });
  };

/** Threads of a training on this machine; the pool of the WebAssembly binary has no more. @throws RegistryError `usage` */
export const threadsOf = countOf(1, 8);

/** A bound that may be absent: null for `unlimited`. @throws RegistryError `usage` */
export const limitOf = (text: string): number | null => (text === 'unlimited' ? null : wholeNumberOf(text));

/** A TCP port; 0 takes a free one. @throws RegistryError `usage` */
export function portOf(text: string): number {
  const port = wholeNumberOf(text);
  if (port <= 65_535) return port;
  throw new RegistryError('usage', `"${text}" is not a port.`, { field: 'port', fix: 'Give a number up to 65535.' });
}

/** What a license may allow. @throws RegistryError `usage` */
export function actionOf(text: string): (typeof ACTIONS)[number] {
  const found = ACTIONS.find((action) => action === text);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${text}" is not an action.`, {
    field: 'action',
    fix: `Use ${ACTIONS.join(', ')}.`,
  });
}

/** How often a model was used for what. */
export interface Use {
  action: (typeof ACTIONS)[number];
  calls: number;
}

/** `infer=120`, as an option takes it that may be given several times. @throws RegistryError `usage` */
export function useArgument(text: string, before: readonly Use[] = []): Use[] {
  const [action = '', calls = '', ...more] = text.split('=');
  if (calls !== '' && more.length === 0) return [...before, { action: actionOf(action), calls: wholeNumberOf(calls) }];
  throw new RegistryError('usage', `"${text}" is not an action with its calls.`, {
    field: 'use',
    fix: 'Write it as in --use infer=120.',
  });
}

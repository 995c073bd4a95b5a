/**
 * What the registry tells both sides of a grant by itself: that it will expire soon, or that it has ended because a grant
 * above it has. Each notice is given once, and is on record: nobody can say later that it was not told.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import type { GrantState } from '../licensing/grant-states.ts';
import { grantStateAt } from '../licensing/grant-states.ts';
import { form, id, urn } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { requireSides } from './grant-act.ts';
import { lifeOf, livesAbove } from './grant.ts';
import { kind, need, requireBasis } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import { put } from './tables.ts';

/** Days before the end of a grant on which its sides are told. */
export const WARNING_DAYS = { 'expires-in-30-days': 30, 'expires-in-7-days': 7, 'expires-in-1-day': 1 } as const;
const WARNINGS = ['expires-in-30-days', 'expires-in-7-days', 'expires-in-1-day'] as const;
export const GRANT_NOTICES = [...WARNINGS, 'parent-ended'] as const;
export type GrantNotice = (typeof GRANT_NOTICES)[number];

const DAY_MS = 86_400_000;
const GOES_ON: ReadonlySet<GrantState> = new Set(['not-yet-valid', 'active', 'suspended']);

const shape = {
  grant: id('grant'),
  licensor: id('party').describe("The grant's"),
  licensee: id('party').describe("The grant's"),
  notice: z.enum(GRANT_NOTICES),
};

export const grantNotice = kind(
  form('grant-notice', shape, (_, { grant }) => [urn(grant)]),
  {
    reads: ({ body }, rows): RowKey[] => [
      ['license_grant', body.grant],
      ['grant_notice', body.grant, body.notice],
      ...(rows.get('license_grant', body.grant)?.above ?? []).map((id) => ['license_grant', id] as const),
    ],
    readers: ({ licensor, licensee }) => [licensor, licensee],
    judge(spoken, rows, place) {
      const { common, body } = spoken;
      requireRegistry(spoken, rows);
      const row = need(rows, 'license_grant', body.grant, 'grant');
      requireSides(body, row);
      requireBasis(spoken, row);
      if (rows.get('grant_notice', row.id, body.notice) !== undefined) {
        throw new RegistryError('state_conflict', `The sides of ${row.id} were told already.`, { field: 'notice' });
      }
      const life = lifeOf(row);
      const alone = grantStateAt(life, common.statedAt);
      const standing = grantStateAt(life, common.statedAt, livesAbove(rows, row));
      const due =
        body.notice === 'parent-ended'
          ? GOES_ON.has(alone) && standing === 'terminated'
          : GOES_ON.has(standing) && isSoon(life.expiresAt, common.statedAt, WARNING_DAYS[body.notice]);
      if (!due) {
        throw new RegistryError('state_conflict', `Of ${row.id} nothing like it is to be told now.`, {
          field: 'notice',
        });
      }
      return [put('grant_notice', { grantId: row.id, notice: body.notice, ...place })];
    },
  },
);

function isSoon(expiresAt: string | null, at: string, days: number): boolean {
  if (expiresAt === null) return false;
  const left = Date.parse(expiresAt) - Date.parse(at);
  return left > 0 && left <= days * DAY_MS;
}

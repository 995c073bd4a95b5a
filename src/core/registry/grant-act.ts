/**
 * What is done about a grant after its offer: the licensee accepts or declines it, the side of the licensor withdraws it
 * while it is open, suspends and resumes it when it is in force, and either side terminates it, at once or with notice.
 *
 * The side of the licensor is every owner of the model, whichever of them gave the grant; who owns nothing any more does
 * not belong to it. For a sub-license it is also the licensee who gave that; what an owner suspended is resumed by owners.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import type { GrantAct } from '../licensing/grant-states.ts';
import { GRANT_ACTS, stageAfter } from '../licensing/grant-states.ts';
import { form, id, instant, urn } from '../statement/statement.ts';
import type { GrantBody } from './grant.ts';
import { groundReads, lifeOf, requireGround, requireOwner, requireRenewed } from './grant.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';

const shape = {
  grant: id('grant'),
  licensor: id('party').describe("The grant's"),
  licensee: id('party').describe("The grant's"),
  act: z.enum(GRANT_ACTS),
  reason: z.string().max(500),
  effectiveAt: instant.nullable().describe('Of a termination with notice: when the grant ends; null for at once'),
};

const actForm = form('grant-act', shape, (_, { grant }) => [urn(grant)]);
export type GrantActBody = z.infer<typeof actForm.body>;

type Acting = Spoken<GrantActBody>;
type GrantRow = Tables['license_grant'];

export const grantAct = kind(actForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => {
    const row = rows.get('license_grant', body.grant);
    const given = row?.document as GrantBody | undefined;
    return [
      ['grant_act', common.id],
      ['license_grant', body.grant],
      ...(row === undefined ? [] : [['title', row.registrationId, common.maker] as const]),
      ...(row === undefined ? [] : groundReads(given!, row.licensor, rows)),
      ...(given?.renews === undefined ? [] : [['license_grant', given.renews] as const]),
    ];
  },
  readers: ({ licensor, licensee }) => [licensor, licensee],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'grant_act', common.id);
    const row = need(rows, 'license_grant', body.grant, 'grant');
    requireSides(body, row);
    requireBasis(spoken, row);
    MAY[body.act](spoken, row, rows);
    const stage = stageAfter(row.id, lifeOf(row), body.act, common.statedAt);
    const endsAt = endOf(spoken, row);
    if (body.act === 'accept') requireStillGood(spoken, row, rows);
    return [
      put('grant_act', { id: common.id, grantId: row.id, act: body.act, maker: common.maker, endsAt, ...place }),
      put('license_grant', {
        ...row,
        stage,
        suspendedBy: suspendedBy(spoken, row),
        endsAt: endsAt ?? row.endsAt,
        changedIndex: place.recordedIndex,
      }),
      ...(body.act === 'accept' ? renewed(row, rows, place) : []),
    ];
  },
});

/** The grant names both; an act that names others was meant for another grant. */
export function requireSides(
  body: { licensor: string; licensee: string },
  row: Pick<GrantRow, 'id' | 'licensee' | 'licensor'>,
): void {
  for (const side of ['licensor', 'licensee'] as const) {
    if (body[side] === row[side]) continue;
    throw new RegistryError('invalid_input', `The ${side} of ${row.id} is another party.`, { field: side });
  }
}

/** Who acts as the licensor. @throws RegistryError `forbidden` */
export function requireLicensorSide({ common }: Spoken, row: GrantRow, rows: Rows): void {
  if (row.above.length > 0 && common.maker === row.licensor) return;
  requireOwner(rows, row.registrationId, common.maker, 'maker');
}

type May = (spoken: Acting, row: GrantRow, rows: Rows) => void;

const licensee: May = ({ common }, row) => {
  if (common.maker === row.licensee) return;
  throw new RegistryError('forbidden', 'Only the licensee accepts or declines a grant.', { field: 'maker' });
};

const eitherSide: May = (spoken, row, rows) => {
  if (spoken.common.maker !== row.licensee) requireLicensorSide(spoken, row, rows);
};

const MAY: Readonly<Record<GrantAct, May>> = {
  accept: licensee,
  decline: licensee,
  withdraw: requireLicensorSide,
  suspend: requireLicensorSide,
  resume(spoken, row, rows) {
    if (spoken.common.maker !== row.suspendedBy) requireOwner(rows, row.registrationId, spoken.common.maker, 'maker');
    else requireLicensorSide(spoken, row, rows);
  },
  terminate: eitherSide,
};

const suspendedBy = ({ common, body: { act } }: Acting, row: GrantRow): string | null =>
  act === 'suspend' ? common.maker : act === 'resume' ? null : row.suspendedBy;

/** Nobody is bound by what its licensor could not give any more. */
function requireStillGood({ common }: Acting, row: GrantRow, rows: Rows): void {
  const body = row.document as GrantBody;
  requireGround(rows, { ...body, licensor: row.licensor, at: common.statedAt });
  if (body.renews !== undefined) requireRenewed(need(rows, 'license_grant', body.renews, 'renews'));
}

/**
 * When a termination takes effect; null for every other act. It may come sooner than an earlier one said, never later:
 * neither side puts off what the other has ended.
 */
function endOf({ common, body }: Acting, { id, endsAt }: GrantRow): string | null {
  if (body.act !== 'terminate') {
    if (body.effectiveAt === null) return null;
    throw new RegistryError('invalid_input', 'Only a termination takes effect later.', { field: 'effectiveAt' });
  }
  const end = body.effectiveAt ?? common.statedAt;
  if (end < common.statedAt) {
    throw new RegistryError('invalid_input', 'The grant cannot end before it is terminated.', { field: 'effectiveAt' });
  }
  if (endsAt === null || end <= endsAt) return end;
  throw new RegistryError('state_conflict', `The grant ${id} is terminated already, and ends at ${endsAt}.`, {
    field: 'effectiveAt',
    fix: 'Whoever wants to go on gives another grant.',
  });
}

function renewed({ id, document }: GrantRow, rows: Rows, { recordedIndex }: Place): RowChange[] {
  const { renews } = document as GrantBody;
  if (renews === undefined) return [];
  const earlier = need(rows, 'license_grant', renews, 'renews');
  return [put('license_grant', { ...earlier, renewedBy: id, changedIndex: recordedIndex })];
}

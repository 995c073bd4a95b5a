/**
 * The end of one license token, before its time and for good. The side of the licensor revokes it; its licensee gives it
 * up, whose program may have leaked it; and the registry ends it, which issued it and acts on what a program with the
 * licensee's API key asks. What ends every token at once is the end of their grant.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { form, id, urn } from '../statement/statement.ts';
import { isRegistry } from './authority.ts';
import { requireLicensorSide, requireSides } from './grant-act.ts';
import { kind, need, requireBasis } from './kind.ts';
import { put } from './tables.ts';

const shape = {
  grant: id('grant'),
  licensor: id('party').describe("The grant's"),
  licensee: id('party').describe("The grant's"),
  token: id('token').describe('The `jti`'),
  reason: z.string().max(500),
};

const revocationForm = form('revocation', shape, (_, { grant }) => [urn(grant)]);
export type RevocationBody = z.infer<typeof revocationForm.body>;

export const revocation = kind(revocationForm, {
  aboutTitle: true,
  reads: ({ body, common }, rows) => {
    const row = rows.get('license_grant', body.grant);
    return [
      ['license_grant', body.grant],
      ['token_revocation', body.token],
      ...(row === undefined ? [] : [['title', row.registrationId, common.maker] as const]),
    ];
  },
  readers: ({ licensor, licensee }) => [licensor, licensee],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const row = need(rows, 'license_grant', body.grant, 'grant');
    requireSides(body, row);
    const issuer = isRegistry(need(rows, 'party', common.maker, 'maker'));
    if (common.maker !== row.licensee && !issuer) requireLicensorSide(spoken, row, rows);
    requireBasis(spoken, row);
    if (rows.get('token_revocation', body.token) !== undefined) {
      throw new RegistryError('state_conflict', `The token ${body.token} is revoked already.`, { field: 'token' });
    }
    return [put('token_revocation', { jti: body.token, grantId: row.id, ...place })];
  },
});

import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES, RegistryError } from '../../../src/core/errors.ts';
import { oauthError } from '../../../src/tokens/oauth-errors.ts';

const REGISTERED = [
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
];

describe('an OAuth error', () => {
  test('is one that the RFCs register, for every code of ours', () => {
    for (const code of ERROR_CODES) {
      for (const field of [undefined, 'scope', 'audience', 'grant_id', 'grant_type', 'lifetime_seconds']) {
        const { status } = new RegistryError(code, '');
        expect(REGISTERED).toContain(oauthError({ code, status, ...(field === undefined ? {} : { field }) }));
      }
    }
  });

  test.each([
    ['unauthenticated', undefined, 'invalid_client'],
    ['not_found', 'grant_id', 'invalid_grant'],
    ['state_conflict', 'grant_id', 'invalid_grant'],
    ['invalid_input', 'grant_id', 'invalid_request'],
    ['invalid_input', 'scope', 'invalid_scope'],
    ['invalid_input', 'audience', 'invalid_target'],
    ['scope_missing', undefined, 'unauthorized_client'],
    ['database_unavailable', undefined, 'temporarily_unavailable'],
    ['internal', undefined, 'server_error'],
  ] as const)('for %s at %s is %s', (code, field, error) => {
    const { status } = new RegistryError(code, '');
    expect(oauthError({ code, status, ...(field === undefined ? {} : { field }) })).toBe(error);
  });
});

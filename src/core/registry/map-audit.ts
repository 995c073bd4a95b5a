/**
 * Audits of the map: a party has read all public statements up to `size`, built the map of the first entries itself, and
 * says which root it found where the registry recorded `root`. Who says so is what it is worth: the party signs with its
 * own key, and the registry can never sign for it.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { digest, form } from '../statement/statement.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import { put } from './tables.ts';

const shape = {
  size: z.int().positive().describe('How many entries were read'),
  logRoot: digest.describe('Root of the log at that size'),
  root: digest.describe('Root of the newest map among them, as the registry recorded it'),
  found: digest.describe('Root of that map as the auditor found it'),
};

export const mapAudit = kind(
  form('map-audit', shape, (_, { root }) => [{ name: 'map', digest: root }]),
  {
    reads: ({ common, body }) => [
      ['map_audit', common.id],
      ['map_root', body.root],
    ],
    judge(spoken, rows, place) {
      const { common, body } = spoken;
      if (common.attestedBy !== undefined) {
        throw new RegistryError('signature_required', 'An audit is signed by the auditor itself.', {
          field: 'attestedBy',
          fix: 'Register a key for the party: "muniment keygen --register".',
        });
      }
      requireNew(rows, 'map_audit', common.id);
      const map = need(rows, 'map_root', body.root, 'root');
      requireBasis(spoken, map);
      if (body.size <= map.recordedIndex || body.size > place.recordedIndex) {
        throw new RegistryError(
          'invalid_input',
          `An audit of ${body.size} entries cannot have read the root of the map.`,
          {
            field: 'size',
          },
        );
      }
      const { id, maker: auditor } = common;
      const { size, root, found } = body;
      return [put('map_audit', { id, auditor, size, root, found, ...place })];
    },
  },
);

/**
 * Roots of the map from digests to the public statements that name them (`core/map`). Each says which map the first
 * `size` entries make, and stands itself behind them. The registry makes it; that it left nothing out is what anybody
 * can audit, and say so in a statement of the kind `map-audit`.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { digest, form } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { kind, requireNew } from './kind.ts';
import { put } from './tables.ts';

const shape = {
  size: z.int().positive().describe('How many entries of the log the map covers'),
  logRoot: digest.describe('Root of the log at that size'),
  root: digest.describe('Root of the map'),
  keys: z.int().nonnegative().describe('Digests in the map'),
};

export const mapRoot = kind(
  form('map-root', shape, (_, { root }) => [{ name: 'map', digest: root }]),
  {
    reads: ({ body }) => [['map_root', body.root]],
    judge(spoken, rows, place) {
      requireRegistry(spoken, rows);
      const { size, root } = spoken.body;
      // A map of more entries holds more places, and so has another root.
      requireNew(rows, 'map_root', root);
      if (size > place.recordedIndex) {
        throw new RegistryError(
          'invalid_input',
          `A map of ${size} entries cannot stand at index ${place.recordedIndex}.`,
          {
            field: 'size',
          },
        );
      }
      return [put('map_root', { ...spoken.body, ...place })];
    },
  },
);

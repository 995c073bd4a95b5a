import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ACTIONS } from '../../../../src/core/licensing/actions.ts';
import type { Lineage, LineageEdge, LineageNode } from '../../../../src/core/licensing/lineage.ts';
import { VERDICTS } from '../../../../src/core/licensing/judgement.ts';
import { obligationsOf } from '../../../../src/core/licensing/obligations.ts';
import { LINEAGE_RELATIONS } from '../../../../src/core/licensing/relations.ts';
import { RULES } from '../../../../src/core/licensing/rules/index.ts';
import { MODES } from '../../../../src/core/licensing/rules/rule.ts';

const known = RULES['2026-11'].families.flatMap(({ licenses }) => licenses);
const license = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...known) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...known), fc.constantFrom('AND', 'OR'), fc.constantFrom(...known))
      .map((parts) => parts.join(' ')),
  },
  { weight: 1, arbitrary: fc.constantFrom('LicenseRef-Acme', 'NOASSERTION', null) },
);
const SIZE = 6;
const ids = Array.from({ length: SIZE }, (_, i) => `n${i}`);
const nodes = fc.tuple(...ids.map((id) => license.map((each): LineageNode => ({ id, license: each }))));
/** Any direction, so cycles and self-references are among them. */
const edge = (children: string[], parents: string[]): fc.Arbitrary<LineageEdge> =>
  fc.record({
    child: fc.constantFrom(...children),
    parent: fc.constantFrom(...parents),
    relation: fc.constantFrom(...LINEAGE_RELATIONS),
  });
const edges = fc.array(edge(ids, ids), { maxLength: 12 });
const use = fc.record({
  actions: fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1 }),
  commercial: fc.boolean(),
});

type Use = typeof use extends fc.Arbitrary<infer T> ? T : never;
const ask = (lineage: Lineage, wanted: Use) =>
  obligationsOf({ lineage, model: 'n0', use: wanted, on: '2026-11-27', edition: '2026-11' });
const level = (verdict: (typeof VERDICTS)[number]) => VERDICTS.indexOf(verdict);

describe('obligations', () => {
  test('an ancestor more takes no duty away, permits nothing more and betters no verdict', () => {
    const added = fc.tuple(license, fc.array(edge([...ids, 'new'], [...ids, 'new']), { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(nodes, edges, added, use, (some, between, [its, more], wanted) => {
        const before = ask({ nodes: some, edges: between }, wanted);
        const after = ask(
          {
            nodes: [...some, { id: 'new', license: its }],
            edges: [...between, { child: 'n0', parent: 'new', relation: more[0]!.relation }, ...more],
          },
          wanted,
        );
        for (const mode of MODES) {
          const duties = (of: typeof before) =>
            of[mode].duties.flatMap(({ rule, license, from }) => from.map((node) => `${rule} ${license} ${node}`));
          expect(duties(after)).toEqual(expect.arrayContaining(duties(before)));
          expect(level(after[mode].verdict)).toBeGreaterThanOrEqual(level(before[mode].verdict));
          expect(before[mode].permissions.actions).toEqual(
            expect.arrayContaining([...after[mode].permissions.actions]),
          );
          if (after[mode].permissions.commercial) expect(before[mode].permissions.commercial).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('do not depend on the order in which the lineage is told', () => {
    const shuffled = fc.tuple(nodes, edges).chain(([some, between]) =>
      fc.tuple(
        fc.constant({ nodes: some, edges: between }),
        fc.record({
          nodes: fc.shuffledSubarray(some, { minLength: some.length }),
          edges: fc.shuffledSubarray(between, { minLength: between.length }),
        }),
      ),
    );
    fc.assert(
      fc.property(shuffled, use, ([one, other], wanted) => expect(ask(other, wanted)).toEqual(ask(one, wanted))),
    );
  });

  test('are never OK with an ancestor of which nobody knows the license', () => {
    const unknown = fc.constantFrom('LicenseRef-Acme', 'NOASSERTION', 'MIT AND LicenseRef-Acme', null);
    fc.assert(
      fc.property(
        nodes,
        edges,
        unknown,
        fc.constantFrom(...LINEAGE_RELATIONS),
        use,
        (some, between, its, relation, wanted) => {
          const lineage = {
            nodes: [...some, { id: 'new', license: its }],
            edges: [...between, { child: 'n0', parent: 'new', relation }],
          };
          for (const mode of MODES) expect(ask(lineage, wanted)[mode]).not.toMatchObject({ verdict: 'OK' });
        },
      ),
    );
  });

  test('the conservative verdict is never better than the permissive one where all licenses are known', () => {
    const plain = fc.tuple(
      ...ids.map((id) => fc.constantFrom(...known).map((each): LineageNode => ({ id, license: each }))),
    );
    fc.assert(
      fc.property(plain, edges, use, (some, between, wanted) => {
        const found = ask({ nodes: some, edges: between }, wanted);
        expect(level(found.conservative.verdict)).toBeGreaterThanOrEqual(level(found.permissive.verdict));
      }),
    );
  });

  test('a lineage that is its own ancestor ends', () => {
    const round = LINEAGE_RELATIONS.flatMap((relation) => [
      { child: 'n0', parent: 'n1', relation },
      { child: 'n1', parent: 'n0', relation },
      { child: 'n0', parent: 'n0', relation },
    ]);
    const lineage = {
      nodes: [
        { id: 'n0', license: 'MIT' },
        { id: 'n1', license: 'CC-BY-NC-4.0' },
      ],
      edges: round,
    };
    expect(ask(lineage, { actions: ['infer'], commercial: true }).permissive.verdict).toBe('BLOCK');
  });
});

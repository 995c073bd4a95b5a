import { describe, expect, test } from '@jest/globals';
import type { Lineage } from '../../../../src/core/licensing/lineage.ts';
import type { Question, Verdict } from '../../../../src/core/licensing/judgement.ts';
import { obligationsOf } from '../../../../src/core/licensing/obligations.ts';
import type { LineageRelation } from '../../../../src/core/licensing/relations.ts';
import type { Action } from '../../../../src/core/licensing/rules/rule.ts';

const ON = '2026-11-27';

const chain = (own: string | null, ...ancestors: [LineageRelation, string | null][]): Lineage => ({
  nodes: [{ id: 'model', license: own }, ...ancestors.map(([, license], i) => ({ id: `ancestor ${i + 1}`, license }))],
  edges: ancestors.map(([relation], i) => ({
    child: i === 0 ? 'model' : `ancestor ${i}`,
    parent: `ancestor ${i + 1}`,
    relation,
  })),
});

const ask = (lineage: Lineage, actions: Action[], commercial = false, more: Partial<Question> = {}) =>
  obligationsOf({ lineage, model: 'model', use: { actions, commercial }, on: ON, ...more });

const SHARE: Action[] = ['redistribute'];

describe('what flows down', () => {
  test.each<[string, string, LineageRelation, string, Action[], boolean, Verdict, Verdict]>([
    // row, the model's own license, relation, the ancestor's license, actions, commercial, conservative, permissive
    ['CC0 data', 'MIT', 'trained-on', 'CC0-1.0', SHARE, true, 'OK', 'OK'],
    ['PDDL data', 'MIT', 'trained-on', 'PDDL-1.0', SHARE, true, 'OK', 'OK'],
    ['Unlicense data', 'MIT', 'trained-on', 'Unlicense', SHARE, true, 'OK', 'OK'],
    ['MIT weights', 'Apache-2.0', 'fine-tuned-from', 'MIT', SHARE, true, 'OK', 'OK'],
    ['CC-BY data', 'MIT', 'trained-on', 'CC-BY-4.0', SHARE, true, 'OK', 'OK'],
    ['CC-BY-SA data', 'MIT', 'trained-on', 'CC-BY-SA-4.0', SHARE, false, 'CONFLICT', 'OK'],
    ['CC-BY-SA data, not shared', 'MIT', 'trained-on', 'CC-BY-SA-4.0', ['infer'], false, 'OK', 'OK'],
    ['CC-BY-SA weights', 'MIT', 'fine-tuned-from', 'CC-BY-SA-4.0', SHARE, false, 'CONFLICT', 'CONFLICT'],
    ['CC-BY-SA weights, same license', 'CC-BY-SA-4.0', 'fine-tuned-from', 'CC-BY-SA-4.0', SHARE, true, 'OK', 'OK'],
    ['CC-BY-NC data', 'MIT', 'trained-on', 'CC-BY-NC-4.0', ['infer'], true, 'BLOCK', 'OK'],
    ['CC-BY-NC weights', 'MIT', 'quantized-from', 'CC-BY-NC-4.0', ['infer'], true, 'BLOCK', 'BLOCK'],
    ['CC-BY-NC weights, no commerce', 'MIT', 'quantized-from', 'CC-BY-NC-4.0', ['infer'], false, 'OK', 'OK'],
    ['CC-BY-ND data', 'MIT', 'trained-on', 'CC-BY-ND-4.0', SHARE, false, 'BLOCK', 'OK'],
    ['CC-BY-ND weights', 'MIT', 'merged-from', 'CC-BY-ND-4.0', SHARE, false, 'BLOCK', 'BLOCK'],
    ['CC-BY-ND weights in another format', 'MIT', 'converted-from', 'CC-BY-ND-4.0', SHARE, false, 'OK', 'OK'],
    ['CDLA-Permissive data', 'MIT', 'trained-on', 'CDLA-Permissive-2.0', SHARE, true, 'OK', 'OK'],
    ['CDLA-Sharing data', 'MIT', 'trained-on', 'CDLA-Sharing-1.0', SHARE, true, 'OK', 'OK'],
    ['ODC-By data', 'MIT', 'trained-on', 'ODC-By-1.0', SHARE, true, 'OK', 'OK'],
    ['ODbL data', 'MIT', 'trained-on', 'ODbL-1.0', SHARE, true, 'OK', 'OK'],
    ['C-UDA data', 'MIT', 'trained-on', 'C-UDA-1.0', SHARE, true, 'OK', 'OK'],
    ['GPL data', 'MIT', 'trained-on', 'GPL-3.0-only', SHARE, false, 'UNKNOWN', 'OK'],
    ['GPL weights', 'MIT', 'fine-tuned-from', 'GPL-3.0-only', SHARE, false, 'CONFLICT', 'CONFLICT'],
    ['GPL weights, hosted', 'MIT', 'fine-tuned-from', 'GPL-3.0-only', ['host'], false, 'OK', 'OK'],
    ['AGPL weights, hosted', 'MIT', 'fine-tuned-from', 'AGPL-3.0-only', ['host'], false, 'CONFLICT', 'CONFLICT'],
    ['OpenRAIL', 'MIT', 'distilled-from', 'LicenseRef-CreativeML-OpenRAIL-M', ['host'], true, 'OK', 'OK'],
    [
      'OpenRAIL under GPL',
      'GPL-3.0-only',
      'distilled-from',
      'LicenseRef-CreativeML-OpenRAIL-M',
      SHARE,
      false,
      'CONFLICT',
      'CONFLICT',
    ],
    ['Artistic weights', 'MIT', 'fine-tuned-from', 'Artistic-2.0', SHARE, true, 'OK', 'OK'],
    ['Artistic data', 'MIT', 'trained-on', 'Artistic-2.0', SHARE, true, 'UNKNOWN', 'OK'],
    ['GFDL weights', 'MIT', 'fine-tuned-from', 'GFDL-1.3-only', SHARE, false, 'CONFLICT', 'CONFLICT'],
    ['GFDL, a later version', 'GFDL-1.3-only', 'merged-from', 'GFDL-1.3-or-later', SHARE, true, 'OK', 'OK'],
    ['GFDL data', 'MIT', 'trained-on', 'GFDL-1.3-or-later', SHARE, true, 'UNKNOWN', 'OK'],
    ['LGPLLR weights', 'LGPLLR', 'fine-tuned-from', 'LGPLLR', SHARE, true, 'OK', 'OK'],
    ['LGPLLR weights, closed', 'MIT', 'fine-tuned-from', 'LGPLLR', SHARE, true, 'CONFLICT', 'CONFLICT'],
    ['LGPLLR data', 'MIT', 'trained-on', 'LGPLLR', SHARE, true, 'UNKNOWN', 'OK'],
    ['Llama 2 weights', 'LicenseRef-Llama-2', 'fine-tuned-from', 'LicenseRef-Llama-2', SHARE, true, 'OK', 'OK'],
    ['Llama 2 distilled', 'MIT', 'distilled-from', 'LicenseRef-Llama-2', ['infer'], false, 'BLOCK', 'BLOCK'],
    ['Llama 2 outputs', 'MIT', 'trained-on-outputs-of', 'LicenseRef-Llama-2', ['infer'], false, 'BLOCK', 'BLOCK'],
    ['Llama 3 outputs', 'MIT', 'trained-on-outputs-of', 'LicenseRef-Llama-3', SHARE, true, 'BLOCK', 'BLOCK'],
    ['Llama 3 weights', 'MIT', 'fine-tuned-from', 'LicenseRef-Llama-3', SHARE, true, 'OK', 'OK'],
    ['Llama 3.1 outputs', 'MIT', 'trained-on-outputs-of', 'LicenseRef-Llama-3.1', SHARE, true, 'OK', 'OK'],
    ['Llama 3.3 outputs', 'MIT', 'trained-on-outputs-of', 'LicenseRef-Llama-3.3', SHARE, true, 'OK', 'OK'],
    ['CDLA-Permissive-1.0 data', 'MIT', 'trained-on', 'CDLA-Permissive-1.0', SHARE, true, 'OK', 'OK'],
    ['Gemma', 'MIT', 'fine-tuned-from', 'LicenseRef-Gemma', SHARE, true, 'OK', 'OK'],
    ['OPT', 'MIT', 'fine-tuned-from', 'LicenseRef-OPT-175B', ['infer'], true, 'BLOCK', 'BLOCK'],
    ['OpenMDW outputs', 'MIT', 'trained-on-outputs-of', 'OpenMDW-1.0', SHARE, true, 'OK', 'OK'],
    ['ModelGo BY-NC', 'MIT', 'distilled-from', 'LicenseRef-MG-BY-NC-2.0', ['infer'], true, 'BLOCK', 'BLOCK'],
    ['ModelGo BY-ND', 'MIT', 'distilled-from', 'LicenseRef-MG-BY-ND-2.0', ['host'], false, 'BLOCK', 'BLOCK'],
    ['ModelGo BY-SA', 'MIT', 'distilled-from', 'LicenseRef-MG-BY-SA-2.0', SHARE, false, 'CONFLICT', 'CONFLICT'],
    ['nothing stated, data', 'MIT', 'trained-on', 'NOASSERTION', ['infer'], false, 'UNKNOWN', 'UNKNOWN'],
    ['nothing stated, weights', 'MIT', 'merged-from', 'NOASSERTION', ['infer'], false, 'UNKNOWN', 'UNKNOWN'],
    ['a license without rules', 'MIT', 'merged-from', 'LicenseRef-Acme', ['infer'], false, 'UNKNOWN', 'UNKNOWN'],
    [
      'an exception without rules',
      'MIT',
      'merged-from',
      'GPL-2.0-only WITH Classpath-exception-2.0',
      ['infer'],
      false,
      'UNKNOWN',
      'UNKNOWN',
    ],
    ['data license on weights', 'MIT', 'merged-from', 'ODbL-1.0', ['infer'], false, 'UNKNOWN', 'UNKNOWN'],
  ])('%s', (_, own, relation, license, actions, commercial, conservative, permissive) => {
    const found = ask(chain(own, [relation, license]), actions, commercial);
    expect([found.conservative.verdict, found.permissive.verdict]).toEqual([conservative, permissive]);
  });

  test.each<[LineageRelation, string, string[], string[]]>([
    ['fine-tuned-from', 'MIT', ['mit-notices'], ['mit-notices']],
    ['fine-tuned-from', 'Apache-2.0', ['apache-notices', 'apache-changes'], ['apache-notices', 'apache-changes']],
    ['converted-from', 'Apache-2.0', ['apache-notices'], ['apache-notices']],
    ['distilled-from', 'Apache-2.0', [], []],
    ['trained-on', 'CC-BY-4.0', ['cc4-attribution-data'], []],
    ['trained-on', 'ODbL-1.0', ['odbl-produced-work', 'odbl-derivative-database'], []],
    ['trained-on', 'C-UDA-1.0', ['c-uda-computational'], ['c-uda-computational']],
    [
      'distilled-from',
      'LicenseRef-OpenRAIL-PP-M',
      ['rail-use-restrictions', 'rail-copy', 'rail-changes'],
      ['rail-use-restrictions', 'rail-copy', 'rail-changes'],
    ],
    [
      'trained-on-outputs-of',
      'LicenseRef-Llama-3.1',
      ['llama3-name', 'llama3-use-policy'],
      ['llama3-name', 'llama3-use-policy'],
    ],
    ['merged-from', 'OpenMDW-1.0', ['openmdw-notices'], ['openmdw-notices']],
  ])('a model %s %s has exactly these duties when it is shared', (relation, license, conservative, permissive) => {
    const found = ask(chain('CC0-1.0', [relation, license]), SHARE);
    expect(found.conservative.duties.map(({ rule }) => rule)).toEqual(conservative);
    expect(found.permissive.duties.map(({ rule }) => rule)).toEqual(permissive);
  });
});

describe('Creative Commons ShareAlike', () => {
  const merged = (own: string, relation: LineageRelation, ...licenses: string[]): Lineage => ({
    nodes: [{ id: 'model', license: own }, ...licenses.map((license) => ({ id: license, license }))],
    edges: licenses.map((parent) => ({ child: 'model', parent, relation })),
  });

  test('cannot be met beside what limits commerce or purposes, though the model is under the same license', () => {
    for (const other of ['CC-BY-NC-4.0', 'LicenseRef-Gemma', 'LicenseRef-CreativeML-OpenRAIL-M']) {
      const { conservative, permissive } = ask(merged('CC-BY-SA-4.0', 'merged-from', 'CC-BY-SA-4.0', other), SHARE);
      expect([other, conservative.verdict, permissive.verdict]).toEqual([other, 'CONFLICT', 'CONFLICT']);
      expect(permissive.obstacles.map(({ rule }) => rule)).toEqual(['cc4-by-sa-no-further-terms']);
    }
  });

  test('can be met beside it as long as nothing is shared', () => {
    const mix = merged('CC-BY-SA-4.0', 'merged-from', 'CC-BY-SA-4.0', 'CC-BY-NC-4.0');
    expect(ask(mix, ['infer', 'fine-tune', 'host']).conservative.verdict).toBe('OK');
  });

  test('conflicts over data in the careful reading alone', () => {
    const { conservative, permissive } = ask(
      merged('CC-BY-SA-3.0', 'trained-on', 'CC-BY-SA-3.0', 'CC-BY-NC-3.0'),
      SHARE,
    );
    expect([conservative.verdict, permissive.verdict]).toEqual(['CONFLICT', 'OK']);
  });

  test('with NonCommercial stands beside what limits commerce alone, and beside nothing that limits more', () => {
    const own = 'CC-BY-NC-SA-4.0';
    const beside = (other: string) => ask(merged(own, 'merged-from', own, other), SHARE).permissive.verdict;
    expect(beside('CC-BY-NC-4.0')).toBe('OK');
    expect(beside('LicenseRef-MG-BY-NC-2.0')).toBe('OK');
    expect(beside('LicenseRef-MG-BY-RAI-2.0')).toBe('CONFLICT');
    expect(beside('LicenseRef-Llama-3.1')).toBe('CONFLICT');
  });
});

describe('a verdict', () => {
  test('names path, clause, source and the way out, in words', () => {
    const found = ask(chain('MIT', ['quantized-from', 'Apache-2.0'], ['trained-on', 'CC-BY-NC-4.0']), ['host'], true);
    expect(found.conservative.obstacles).toEqual([
      {
        verdict: 'BLOCK',
        asks: [],
        rule: 'cc4-non-commercial-data',
        does: 'forbid-commercial',
        license: 'CC-BY-NC-4.0',
        clause: '2(a)(1) with 1 (NonCommercial)',
        source: 'https://creativecommons.org/licenses/by-nc/4.0/legalcode',
        text: 'It allows no commercial use.',
        wayOut: 'Obtain written consent of the rights-holder of "ancestor 2", or replace "ancestor 2".',
        from: ['ancestor 2'],
        place: 'trained-on',
        path: [
          { relation: 'quantized-from', node: 'ancestor 1' },
          { relation: 'trained-on', node: 'ancestor 2' },
        ],
        explanation:
          'The model is quantized-from "ancestor 1", which is trained-on "ancestor 2", for which the license is CC-BY-NC-4.0. ' +
          'CC-BY-NC-4.0 stands in the way. It allows no commercial use.',
      },
    ]);
    expect(found.conservative.permissions.commercial).toBe(false);
    expect(found.permissive.permissions.commercial).toBe(true);
    expect(found.edition).toBe('2026-11');
  });

  test('permits nothing where something is unknown', () => {
    const { permissions } = ask(chain('MIT', ['merged-from', null]), ['infer']).permissive;
    expect(permissions).toEqual({ actions: [], commercial: false });
  });

  test('permits what all licenses permit', () => {
    const lineage: Lineage = {
      nodes: [
        { id: 'model', license: 'MIT' },
        { id: 'a', license: 'CC-BY-ND-4.0' },
        { id: 'b', license: 'CC-BY-NC-4.0' },
      ],
      edges: [
        { child: 'model', parent: 'a', relation: 'merged-from' },
        { child: 'model', parent: 'b', relation: 'merged-from' },
      ],
    };
    expect(ask(lineage, ['infer']).permissive.permissions).toEqual({
      actions: ['infer', 'fine-tune', 'distill', 'host'],
      commercial: false,
    });
  });

  test('takes the least burdensome of the licenses that an ancestor offers, and says so', () => {
    const { verdict, choices } = ask(chain('MIT', ['merged-from', 'GPL-3.0-only OR Apache-2.0']), SHARE).conservative;
    expect(verdict).toBe('OK');
    expect(choices).toEqual([
      { node: 'ancestor 1', place: 'merged-from', expression: 'GPL-3.0-only OR Apache-2.0', taken: ['Apache-2.0'] },
    ]);
  });

  test('does not take a license nobody knows for the lighter one', () => {
    const found = ask(chain('MIT', ['merged-from', 'LicenseRef-Acme OR Apache-2.0']), SHARE).permissive;
    expect(found.choices[0]!.taken).toEqual(['Apache-2.0']);
  });

  test('counts all licenses that an ancestor is under at once', () => {
    expect(ask(chain('MIT', ['merged-from', 'GPL-3.0-only AND MIT']), SHARE).permissive.verdict).toBe('CONFLICT');
  });

  test('holds each of the licenses under which the model is offered to what its ancestors allow', () => {
    const offered = (own: string) => ask(chain(own, ['merged-from', 'GPL-3.0-only']), SHARE).permissive.verdict;
    expect(offered('GPL-3.0-only')).toBe('OK');
    expect(offered('GPL-3.0-only OR MIT')).toBe('CONFLICT');
    expect(offered('GPL-3.0-only AND MIT')).toBe('OK');
  });

  test('finds licenses that no license satisfies together', () => {
    const lineage: Lineage = {
      nodes: [
        { id: 'model', license: null },
        { id: 'a', license: 'GPL-2.0-only' },
        { id: 'b', license: 'GPL-3.0-only' },
      ],
      edges: [
        { child: 'model', parent: 'a', relation: 'merged-from' },
        { child: 'model', parent: 'b', relation: 'merged-from' },
      ],
    };
    const { obstacles } = ask(lineage, SHARE).permissive;
    expect(obstacles.filter(({ verdict }) => verdict === 'CONFLICT').map(({ license }) => license)).toEqual([
      'GPL-2.0-only',
      'GPL-3.0-only',
    ]);
    expect(obstacles[0]!.explanation).toContain('No license satisfies all of GPL-2.0-only, GPL-3.0-only.');
  });

  test('reckons with what a model that was fine-tuned in between passes on to one distilled from it', () => {
    const between = chain('MIT', ['distilled-from', 'LicenseRef-Llama-2'], ['fine-tuned-from', 'LicenseRef-Llama-2']);
    expect(ask(between, ['infer']).permissive.obstacles[0]!.from).toEqual(['ancestor 1', 'ancestor 2']);
  });

  test('a license does not bind before its day', () => {
    const lineage = chain('MIT', ['fine-tuned-from', 'LicenseRef-Llama-2']);
    const verdict = (on: string) => ask(lineage, ['infer'], false, { on }).permissive.verdict;
    expect([verdict('2023-07-17'), verdict('2023-07-18')]).toEqual(['UNKNOWN', 'OK']);
  });

  test('is UNKNOWN for a parent that is not on record', () => {
    const edges = [{ child: 'model', parent: 'elsewhere', relation: 'merged-from' as const }];
    const { obstacles } = ask({ nodes: [{ id: 'model', license: 'MIT' }], edges }, ['infer']).permissive;
    expect(obstacles[0]).toMatchObject({ verdict: 'UNKNOWN', from: ['elsewhere'], text: 'Nobody stated a license.' });
  });

  test.each([
    ['not_found', { nodes: [], edges: [] }],
    ['license_unknown', { nodes: [{ id: 'model', license: 'Apache 2' }], edges: [] }],
  ])('is refused with %s', (code, lineage) =>
    expect(() => ask(lineage, ['infer'])).toThrow(expect.objectContaining({ code })),
  );
});

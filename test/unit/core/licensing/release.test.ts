import { describe, expect, it } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import type { LineageRelation } from '../../../../src/core/licensing/relations.ts';
import { obligationsOf } from '../../../../src/core/licensing/obligations.ts';
import type { ReleaseBasis, ReleasePart, Supplied } from '../../../../src/core/licensing/release.ts';
import { NOTHING_SUPPLIED, releaseOf } from '../../../../src/core/licensing/release.ts';

const part = (id: string, license: string | null, more: Partial<ReleasePart> = {}): ReleasePart => ({
  id,
  name: id,
  license,
  textDigest: null,
  holder: 'Ada',
  source: null,
  ...more,
});

/** A model and one ancestor. */
function basisOf(own: ReleasePart, relation: LineageRelation, ancestor: ReleasePart, commercial = false): ReleaseBasis {
  const use = { actions: ['redistribute' as const], commercial };
  const parts = [own, ancestor];
  const lineage = { nodes: parts, edges: [{ child: own.id, parent: ancestor.id, relation }] };
  const { conservative } = obligationsOf({ lineage, model: own.id, use, on: '2026-11-27' });
  const { duties, obstacles, prohibitions } = conservative;
  return { model: own.id, use, parts, duties, obstacles, prohibitions };
}

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const text = (license: string, of = digest('a')) => ({ license, text: `The text of ${license}`, digest: of });
const supply = (more: Partial<Supplied>): Supplied => ({ ...NOTHING_SUPPLIED, ...more });
const whatOf = (basis: ReleaseBasis, supplied: Supplied) => releaseOf(basis, supplied).missing.map(({ what }) => what);
const filesOf = (basis: ReleaseBasis, supplied: Supplied) =>
  Object.fromEntries(releaseOf(basis, supplied).files.map(({ name, text }) => [name, text]));

describe('a release', () => {
  const basis = basisOf(part('model', 'MIT'), 'fine-tuned-from', part('base', 'Apache-2.0'));
  const all = {
    texts: [text('MIT'), text('Apache-2.0')],
    notices: new Map([['base', 'Copyright Ada']]),
    changes: 'Tuned on letters.',
  };

  it('is fit when nothing is missing, and holds what the duties ask for', () => {
    expect(releaseOf(basis, supply(all))).toMatchObject({ fit: true, missing: [] });
    expect(filesOf(basis, supply(all))).toEqual({
      LICENSE: 'model\nSPDX-License-Identifier: MIT\n\nThe text of MIT\n',
      NOTICE: '"base" (base):\n\nCopyright Ada\n\nChanges:\n\nTuned on letters.\n',
      'LICENSES/Apache-2.0.txt': 'The text of Apache-2.0\n',
    });
  });

  it.each<[string, Partial<Supplied>, string[]]>([
    ['the own text', { texts: [text('Apache-2.0')] }, ['license-text']],
    ['the text of an ancestor', { texts: [text('MIT')] }, ['license-text']],
    ['the notices', { notices: new Map() }, ['notice']],
    ['the notices of this ancestor', { notices: new Map([['another', 'x']]) }, ['notice']],
    ['the changes', { changes: null }, ['statement-of-changes']],
    ['everything', NOTHING_SUPPLIED, ['license-text', 'license-text', 'notice', 'statement-of-changes']],
  ])('is not fit without %s', (_, without, what) => {
    expect(whatOf(basis, supply({ ...all, ...without }))).toEqual(what);
    expect(releaseOf(basis, supply({ ...all, ...without })).fit).toBe(false);
  });

  it('is not fit where the model states no license', () => {
    const silent = basisOf(part('model', 'NOASSERTION'), 'converted-from', part('base', 'CC0-1.0'));
    expect(whatOf(silent, NOTHING_SUPPLIED)).toContain('license');
  });

  it('takes another text than the one on record for none', () => {
    const ref = 'LicenseRef-CreativeML-OpenRAIL-M';
    const rail = basisOf(part('model', 'MIT'), 'converted-from', part('base', ref, { textDigest: digest('b') }));
    const notices = new Map([['base', 'x']]);
    const given = (of: Digest) => supply({ notices, texts: [text('MIT'), text(ref, of)] });
    expect(releaseOf(rail, given(digest('c'))).missing).toMatchObject([
      { what: 'license-text', of: ['base'], text: expect.stringContaining(digest('b')) },
    ]);
    expect(releaseOf(rail, given(digest('b'))).fit).toBe(true);
    expect(filesOf(rail, given(digest('b')))['USE-RESTRICTIONS']).toMatch(/Attachment A[^]*"base" \(base\)/);
  });

  it('names whose an ancestor is, or what is missing for that', () => {
    const data = (more: Partial<ReleasePart>) =>
      basisOf(part('model', 'MIT'), 'trained-on', part('data', 'CC-BY-4.0', { source: 'https://a.example', ...more }));
    const texts = [text('MIT')];
    expect(releaseOf(data({}), supply({ texts })).fit).toBe(true);
    expect(filesOf(data({}), supply({ texts }))['ATTRIBUTIONS']).toBe(
      'data, by Ada\n  https://a.example\n  License: CC-BY-4.0\n',
    );
    const erased = data({ holder: null });
    expect(whatOf(erased, supply({ texts }))).toEqual(['attribution']);
    const attributions = new Map([['data', 'Data of Ben']]);
    expect(releaseOf(erased, supply({ texts, attributions })).fit).toBe(true);
    expect(filesOf(erased, supply({ texts, attributions }))['ATTRIBUTIONS']).toBe('Data of Ben\n');
  });

  it.each<[string, string, LineageRelation, string | null, boolean, RegExp]>([
    ['what stands in the way', 'MIT', 'merged-from', 'CC-BY-ND-4.0', false, /^BLOCK: /],
    ['commerce with what is not for that', 'MIT', 'merged-from', 'CC-BY-NC-4.0', true, /^BLOCK: /],
    ['a conflict', 'MIT', 'merged-from', 'CC-BY-SA-4.0', false, /^CONFLICT: /],
    ['a parent of which nobody knows the license', 'MIT', 'merged-from', null, false, /^UNKNOWN: /],
  ])('is never fit with %s', (_, own, relation, license, commercial, said) => {
    const stopped = basisOf(part('model', own), relation, part('base', license), commercial);
    const supplied = supply({
      texts: [text(own), text(license ?? 'none')],
      notices: new Map([['base', 'x']]),
      attributions: new Map([['base', 'x']]),
      changes: 'x',
    });
    expect(releaseOf(stopped, supplied)).toMatchObject({
      fit: false,
      missing: [{ what: 'obstacle', of: ['base'], text: expect.stringMatching(said) }],
    });
  });

  it('passes a prohibition on though the release itself does not break it', () => {
    const quiet = basisOf(part('model', 'MIT'), 'merged-from', part('base', 'CC-BY-NC-4.0'));
    expect(filesOf(quiet, NOTHING_SUPPLIED)['USE-RESTRICTIONS']).toMatch(/^It allows no commercial use\./);
  });

  it('is under a name that an ancestor asks for, and says what it was built with', () => {
    const ref = 'LicenseRef-Llama-3.1';
    const named = (name: string) =>
      basisOf(part('model', 'MIT', { name }), 'fine-tuned-from', part('base', ref), false);
    expect(whatOf(named('Alpaca'), NOTHING_SUPPLIED)).toContain('llama-name');
    expect(whatOf(named('Llama of Ada'), NOTHING_SUPPLIED)).not.toContain('llama-name');
    expect(filesOf(named('Alpaca'), NOTHING_SUPPLIED)['NOTICE']).toMatch(/^Built with Llama\n/);
  });

  it('waits for what is done by hand until the owner says so of that rule', () => {
    const gpl = basisOf(part('model', 'GPL-3.0-only'), 'converted-from', part('base', 'GPL-3.0-only'));
    const supplied = { texts: [text('GPL-3.0-only')], notices: new Map([['base', 'x']]), changes: 'x' };
    const [source] = releaseOf(gpl, supply(supplied)).missing;
    expect(source).toMatchObject({ what: 'by-hand' });
    const rule = /the rule (\S+)\.$/.exec(source!.fix)![1]!;
    expect(releaseOf(gpl, supply({ ...supplied, done: new Set(['another']) })).fit).toBe(false);
    expect(releaseOf(gpl, supply({ ...supplied, done: new Set([rule]) })).fit).toBe(true);
  });

  it('asks nothing of an owner by the license that it gives itself', () => {
    const own = basisOf(
      part('model', 'LicenseRef-own', { textDigest: digest('a') }),
      'converted-from',
      part('base', 'CC0-1.0'),
    );
    expect(releaseOf(own, supply({ texts: [text('LicenseRef-own')] }))).toMatchObject({ fit: true, missing: [] });
  });

  it('writes no file outside its folder, whatever a license is named', () => {
    const base = basisOf(part('model', 'MIT'), 'fine-tuned-from', part('base', 'Apache-2.0'));
    const hostile = { ...base, duties: base.duties.map((duty) => ({ ...duty, license: '../../../etc/passwd' })) };
    const supplied = supply({ ...all, texts: [text('MIT'), text('../../../etc/passwd')] });
    expect(Object.keys(filesOf(hostile, supplied))).toContain('LICENSES/..-..-..-etc-passwd.txt');
  });
});

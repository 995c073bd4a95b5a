/** The texts that go with a released model, over HTTP and at the command line, from lineages on record. */
import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { formatDigest } from '../../src/core/digest.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { datasetOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { runCli } from '../unit/cli/support.ts';

interface Shown {
  fit: boolean;
  missing: { what: string; of: string[]; text: string }[];
  files: { name: string; text: string }[];
  basis: { use: { commercial: boolean } };
}

const RAIL = 'LicenseRef-CreativeML-OpenRAIL-M';
const RAIL_TEXT = 'The text of the license, as Ada had it.\n';
const digestOf = (text: string): Digest => formatDigest(sha256(utf8(text)));

let app: TestApp;
let ada: Party;
let anybody: Client;

beforeAll(async () => {
  app = await startTestApp();
  anybody = new Client(app.url);
  ada = await (await Operator.of(app.url, app.config.data)).makeParty();
});
afterAll(() => app.close());

const license = (expression: string, textDigest: Digest | null = null) => ({ license: { expression, textDigest } });

async function register(different: Partial<RegistrationBody>): Promise<{ id: string; digest: Digest }> {
  const body = modelOf(ada.id, different);
  const { id } = await ada.made('/v1/models', body);
  return { id, digest: body.weights.weightDigest! };
}

const from = (digest: Digest): Pick<RegistrationBody, 'parents'> => ({
  parents: [{ digest, relation: 'fine-tuned-from' }],
});
const release = (id: string) => anybody.read<Shown>(`/v1/models/${id}/release`);
const fileOf = ({ files }: Shown, name: string) => files.find((file) => file.name === name)?.text;

describe('the release of a model', () => {
  it('is fit by what is on record where nothing but texts and attributions are asked for', async () => {
    const restricted = { license: { expression: 'CC-BY-4.0', status: 'asserted' as const } };
    const data = await ada.made('/v1/datasets', datasetOf([{ name: 'a.bin', bytes: utf8('data') }], restricted));
    const model = await register({ name: 'digits', ...license('MIT'), datasets: [data.id] });
    const shown = await release(model.id);
    expect([shown.fit, shown.missing, shown.basis.use.commercial]).toEqual([true, [], true]);
    expect(fileOf(shown, 'LICENSE')).toMatch(
      /^digits\nSPDX-License-Identifier: MIT\n\n[^]*Permission is hereby granted/,
    );
    expect(fileOf(shown, 'ATTRIBUTIONS')).toMatch(
      /^digits, by .+\n {2}https:\/\/example\.org\/digits\n {2}License: CC-BY-4\.0\n/,
    );
  });

  it('is not fit while the notices and the changes of a base model are missing', async () => {
    const base = await register(license('Apache-2.0'));
    const shown = await release((await register({ ...license('MIT'), ...from(base.digest) })).id);
    expect(shown.missing.map(({ what, of }) => [what, of])).toEqual([
      ['notice', [base.id]],
      ['statement-of-changes', [base.id]],
    ]);
    expect([shown.fit, fileOf(shown, 'LICENSES/Apache-2.0.txt')]).toEqual([
      false,
      expect.stringContaining('Apache License'),
    ]);
  });

  it('is judged for commerce where the own license permits that', async () => {
    const base = await register(license('CC-BY-NC-4.0'));
    const blocked = await release((await register({ ...license('MIT'), ...from(base.digest) })).id);
    expect(blocked.missing).toContainEqual(
      expect.objectContaining({ what: 'obstacle', of: [base.id], text: expect.stringMatching(/^BLOCK: /) }),
    );
    const quiet = await release((await register({ ...license('CC-BY-NC-4.0'), ...from(base.digest) })).id);
    expect([quiet.basis.use.commercial, quiet.missing.filter(({ what }) => what === 'obstacle')]).toEqual([false, []]);
    expect(fileOf(quiet, 'USE-RESTRICTIONS')).toMatch(/no commercial use/);
  });

  it('is asked for a model that exists, by words that are known', async () => {
    expect((await anybody.get('/v1/models/registration_00000000000000000000000000/release')).status).toBe(404);
    const { id } = await register(license('MIT'));
    for (const query of ['on=tomorrow', 'edition=1999-01', 'action=host']) {
      const answer = await anybody.get(`/v1/models/${id}/release?${query}`);
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, 'invalid_input']);
    }
  });
});

describe('muniment license bundle', () => {
  const run = (...argv: string[]) =>
    runCli(['license', 'bundle', ...argv], { MUNIMENT_URL: app.url, MUNIMENT_HOME: join(app.config.data, 'a-user') });

  it('ends with 1 and tells what is missing, until everything is there', async () => {
    const base = await register({ name: 'the base', ...license(RAIL, digestOf(RAIL_TEXT)) });
    const model = await register({ name: 'the child', ...license('MIT'), ...from(base.digest) });
    const folder = await mkdtemp(join(app.config.data, 'bundle-'));
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const out = (name: string) => join(folder, name);

    const nothing = await run(model.id, '--out', out('nothing'));
    expect([nothing.code, nothing.out]).toEqual([1, expect.stringMatching(/missing license-text[^]*Not fit/)]);

    const changes = await file('CHANGES', 'Tuned on letters.\n');
    const notice = await file('BASE-NOTICE', 'Copyright Ada\n');
    const given = ['--notice', `${base.id}=${notice}`, '--changes', changes];
    const other = await run(model.id, '--out', out('other'), ...given, '--text', `${RAIL}=${changes}`);
    expect([other.code, other.out]).toEqual([1, expect.stringContaining(digestOf(RAIL_TEXT))]);

    const text = `${RAIL}=${await file('RAIL', RAIL_TEXT)}`;
    const fit = await run(model.id, '--out', out('fit'), ...given, '--text', text);
    expect([fit.code, fit.out]).toEqual([0, expect.stringContaining('Fit for release')]);
    expect((await readdir(out('fit'))).sort()).toEqual(['LICENSE', 'LICENSES', 'NOTICE', 'USE-RESTRICTIONS']);
    expect(await readFile(join(out('fit'), 'LICENSES', `${RAIL}.txt`), 'utf8')).toBe(RAIL_TEXT);
    expect(await readFile(join(out('fit'), 'NOTICE'), 'utf8')).toMatch(/the base[^]*Copyright Ada[^]*Tuned on letters/);

    const again = await run(model.id, '--out', out('fit'), ...given, '--text', text);
    expect([again.code, again.notes]).toEqual([2, expect.stringContaining('holds something already')]);
  }, 60_000);

  it('refuses what does not say what it is for, and a file that is not there', async () => {
    const { id } = await register(license('MIT'));
    const folder = await mkdtemp(join(app.config.data, 'bundle-'));
    expect((await run(id, '--out', join(folder, 'a'), '--text', 'somewhere.txt')).code).toBe(2);
    expect((await run(id, '--out', join(folder, 'b'), '--text', `${RAIL}=${join(folder, 'none')}`)).code).toBe(4);
    expect((await run(id)).code).toBe(2);
  }, 60_000);
});

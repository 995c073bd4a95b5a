import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMANDS } from '../../../src/cli/program.ts';
import { EXIT, exitCodeOf } from '../../../src/cli/exit-code.ts';
import { makeHome, runCli } from './support.ts';

let home: string;
let remove: () => Promise<void>;
beforeAll(async () => void ({ home, remove } = await makeHome()));
afterAll(() => remove());

const LEAVES: Record<string, string[]> = {
  party: ['create', 'list', 'show', 'key', 'revoke-key', 'erase'],
  behaviour: ['record', 'challenges', 'answer', 'references', 'score'],
  dataset: ['add', 'list', 'show', 'rights', 'erase-holder'],
  protection: ['add', 'list'],
  market: ['add', 'list'],
  license: ['grant', 'revoke', 'list'],
  title: [
    ...['show', 'portfolio', 'offers', 'instrument', 'abstract', 'verify'],
    ...['assign', 'pledge', 'option', 'hold', 'license-exclusively', 'agree'],
    ...['accept', 'reject', 'withdraw', 'consent', 'release'],
    ...['claim', 'claims', 'claim-withdraw', 'claim-acknowledge'],
    ...['merge', 'split', 'succession', 'successions', 'transmit'],
    ...['succession-accept', 'succession-reject', 'succession-withdraw'],
  ],
  token: ['issue', 'inspect', 'verify', 'revoke'],
  watermark: ['keygen', 'embed', 'verify'],
  log: ['checkpoint', 'prove', 'verify', 'watch', 'rotate-key', 'retire-key'],
  webhook: ['add', 'list', 'deliveries', 'replay', 'rotate', 'remove'],
  seat: ['activate', 'heartbeat', 'borrow', 'release', 'list'],
  usage: ['report', 'show'],
  trust: ['show', 'add', 'pin'],
  train: ['watch', 'cancel', 'list'],
  keys: ['list', 'rotate', 'revoke'],
};

describe('help', () => {
  it.each(COMMANDS.map(({ name }) => name))('of "%s" and of all below it shows an example', async (name) => {
    const own = LEAVES[name] === undefined || name === 'train' ? [[name]] : [];
    for (const words of [...own, ...(LEAVES[name] ?? []).map((leaf) => [name, leaf])]) {
      const { code, out } = await runCli([...words, '--help']);
      expect(code).toBe(EXIT.done);
      expect(out).toMatch(/Example:\n {2}\$ /);
      expect(out).toContain('--json');
    }
  });

  it("keeps the machinery's names off a newcomer's first screen", async () => {
    const { code, out } = await runCli(['--help']);
    expect(code).toBe(EXIT.done);
    expect(out).not.toMatch(/merkle|checkpoint|dsse|in-toto|tlog|envelope|statement|ledger|leaf|tile/i);
    for (const { name } of COMMANDS) expect(out).toContain(`\n  ${name} `);
  });
});

describe('exit codes', () => {
  it.each([
    ['usage', 2],
    ['not_found', 3],
    ['unreachable', 4],
    ['database_unavailable', 4],
    ['shares_invalid', 1],
    ['proof_invalid', 1],
    ['token_revoked', 1],
    ['checkpoint_rolled_back', 1],
    ['unauthenticated', 1],
    ['pkcs11_uri_malformed', 2],
    ['pkcs11_key_absent', 3],
    ['pkcs11_tool_missing', 4],
    ['pkcs11_module_missing', 4],
    ['pkcs11_token_absent', 4],
    ['pkcs11_pin_refused', 1],
  ] as const)('%s ends with %i', (code, expected) => {
    expect(exitCodeOf(code)).toBe(expected);
  });

  it.each([
    [['frobnicate'], /Unknown command 'frobnicate'/],
    [['party'], /A command is missing/],
    [[], /A command is missing/],
    [['hash'], /Missing required argument 'path'/],
    [['hash', 'a', 'b'], /too many arguments/i],
    [['hash', 'x', '--frob'], /Unknown option '--frob'/],
    [['register', 'x', '--name', 'n'], /--owner/],
    [['party', 'list', '--url', 'ftp://x'], /not the address of a server/],
    [['license', 'grant', '--model', 'm', '--to', 'p', '--action', 'steal'], /"steal" is not an action/],
    [['train', '--dataset', 'd', '--owner', 'p', '--license', 'MIT', '--out', 'f'], /needs --watch/],
    [['train', '--dataset', 'd', '--owner', 'p', '--license', 'MIT', '--epochs', 'ten'], /not a number/],
    [['train', '--dataset', 'd', '--license', 'MIT'], /--owner is missing/],
    [['keygen', '--module', '/lib.so'], /Add --pkcs11/],
    [['keygen', '--pkcs11', 'pkcs11:token=a;object=b', '--out', 'f'], /in a file or in a token/],
    [['keygen', '--pkcs11', 'pkcs11:token=a;object=b', '--witness', 'w.example/1'], /in a file or in a token/],
    [['keygen', '--pkcs11', 'signing.key'], /does not begin with "pkcs11:"/],
    [['keygen', '--pkcs11', 'pkcs11:token=a;object=b?pin-value=1'], /holds a PIN/],
    ...['0', '-1', '1.5', '1000000000'].flatMap((n): [string[], RegExp][] => [
      [['similar', 'm', '--candidates', n], /not a (whole )?number/],
      [['replay', 'm', '--threads', n], /not a (whole )?number/],
    ]),
    [['similar', 'm', '--unrelated', '201'], /"201" is not a number from 0 to 200/],
    [['behaviour', 'record', 'm', '--challenges', '1'], /"1" is not a number from/],
    [['behaviour', 'references', 'm', '--challenges', 'c', '--out', 'o', '--count', '0'], /not a number from 1 to 999/],
    [['log', 'prove', '-1'], /.+/],
  ])('%j is wrong usage', async (argv, sentence) => {
    const { code, out, notes } = await runCli(argv, { MUNIMENT_HOME: home });
    expect(code).toBe(EXIT.usage);
    expect(out).toBe('');
    expect(notes).toMatch(sentence);
  });

  it('what comes after "train" is not asked for the options of a new training', async () => {
    for (const words of [['list'], ['watch', 'run_1'], ['cancel', 'run_1']]) {
      const { code } = await runCli(['train', ...words, '--url', 'http://127.0.0.1:1'], { MUNIMENT_HOME: home });
      expect(code).not.toBe(EXIT.usage);
    }
  });

  it('a file that is not there cannot be reached', async () => {
    expect((await runCli(['hash', join(home, 'nothing')])).code).toBe(EXIT.unreachable);
  });

  it('a server that is not there cannot be reached', async () => {
    const { code, notes } = await runCli(['log', 'verify', '--url', 'http://127.0.0.1:1'], { MUNIMENT_HOME: home });
    expect(code).toBe(EXIT.unreachable);
    expect(notes).toMatch(/cannot be reached/);
  });

  it('whoever is not logged in is told what to do', async () => {
    const { code, notes } = await runCli(['party', 'key'], { MUNIMENT_HOME: home });
    expect(code).toBe(EXIT.refused);
    expect(notes).toMatch(/Run "muniment login"/);
  });
});

describe('--json', () => {
  it('prints one document for a result', async () => {
    const path = join(home, 'three');
    await writeFile(path, 'abc');
    const { code, out, notes } = await runCli(['hash', path, '--json']);
    expect(code).toBe(EXIT.done);
    expect(notes).toBe('');
    expect(JSON.parse(out)).toEqual({
      fileDigest: 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      rootDigest: 'sha256:4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358',
      weightDigest: null,
      namelessDigest: null,
      container: 'unknown',
      tensors: null,
      parameters: null,
      bytes: 3,
      files: 1,
    });
  });

  it.each([
    [['--json', 'hash', '/nothing/here']],
    [['hash', '--json', '/nothing/here']],
    [['hash', '--json']],
    [['nope', '--json']],
  ])('%j prints one problem for an error', async (argv) => {
    const { code, out, notes } = await runCli(argv);
    expect(code).not.toBe(EXIT.done);
    expect(notes).toBe('');
    const problem = JSON.parse(out) as Record<string, unknown>;
    expect(problem).toMatchObject({
      code: expect.any(String),
      detail: expect.any(String),
      type: expect.stringMatching(/^urn:/),
    });
  });
});

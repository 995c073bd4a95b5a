/**
 * Strangers' verifiers in throw-away folders outside of the repository: npm's `@sigstore/verify` on npm's `node@24`, and
 * PyPI's model-signing in a virtual environment. Kept for later runs under names that hold the digest of what they are
 * made from.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Prepared } from '../../support/stranger-folder.ts';
import { prepare } from '../../support/stranger-folder.ts';

export type { Prepared };

const NPM_PACKAGES = [
  '@sigstore/verify@4.1.3',
  '@sigstore/bundle@5.0.1',
  '@sigstore/protobuf-specs@0.5.2',
  'node@24.21.0',
];

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const inCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');

/** Whether a test with this tool runs: without the tool it is skipped and says so, except in CI, where it fails. */
export function mustRun(prepared: Prepared): boolean {
  if ('folder' in prepared) return true;
  if (!inCi) process.stderr.write(`SKIPPED: ${prepared.lacking}\n`);
  return inCi;
}

export const prepareSigstore = (): Prepared =>
  prepare('sigstore', NPM_PACKAGES.join(' '), (folder) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
    return [['npm', 'install', '--no-audit', '--no-fund', '--prefix', folder, ...NPM_PACKAGES]];
  });

export const prepareModelSigning = (): Prepared => {
  const requirements = here('requirements.txt');
  const python = process.env['MUNIMENT_PYTHON'] ?? 'python3';
  return prepare('model-signing', `${python} ${readFileSync(requirements, 'utf8')}`, (folder) => [
    [python, '-m', 'venv', folder],
    [
      join(folder, 'bin', 'python'),
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      requirements,
    ],
  ]);
};

/** @returns of each bundle `accepted`, or why it was refused */
export function judgeBySigstore(prepared: Prepared, asked: object): string[] {
  if ('lacking' in prepared) throw new Error(prepared.lacking);
  // Beside the packages, which it finds from there.
  const script = join(prepared.folder, 'verify.mjs');
  copyFileSync(here('verify.mjs'), script);
  const node = join(prepared.folder, 'node_modules', 'node', 'bin', 'node');
  const { status, stdout, stderr, error } = spawnSync(node, [script], {
    input: JSON.stringify(asked),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`verify.mjs ended with ${status}: ${error?.message ?? stderr}`);
  return JSON.parse(stdout) as string[];
}

/** `model_signing sign key`, as a user runs it. */
export function signByModelSigning(prepared: Prepared, model: string, bundle: string, privateKey: string): void {
  if ('lacking' in prepared) throw new Error(prepared.lacking);
  const program = join(prepared.folder, 'bin', 'model_signing');
  const args = ['sign', 'key', model, '--signature', bundle, '--private_key', privateKey];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`model_signing ended with ${status}: ${stdout}${stderr}`);
}

/** `model_signing verify key`, as a user runs it. */
export function judgeByModelSigning(prepared: Prepared, file: string, bundle: string, publicKey: string) {
  if ('lacking' in prepared) throw new Error(prepared.lacking);
  const program = join(prepared.folder, 'bin', 'model_signing');
  const args = ['verify', 'key', file, '--signature', bundle, '--public_key', publicKey];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { ok: status === 0, said: `${stdout}${stderr}` };
}

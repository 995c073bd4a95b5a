/**
 * A token of SoftHSM in a folder of its own, and `pkcs11-tool` behind a program that writes down what it was called with.
 * Debian has both: `apt-get install softhsm2 opensc`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasOpenssl } from '../timestamps/openssl.ts';

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];
export const MODULE = process.env['MUNIMENT_SOFTHSM_MODULE'] ?? MODULES.find(existsSync) ?? '';
export const PIN = '86420975';

const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;

/** In a sentence what these tests lack, if anything. */
export function lacking(): string | undefined {
  if (!existsSync(MODULE)) return 'There is no libsofthsm2.so; MUNIMENT_SOFTHSM_MODULE may name one.';
  if (!has('softhsm2-util', '--version')) return '"softhsm2-util" is not on the path.';
  if (!has('sh', '-c', 'command -v pkcs11-tool')) return '"pkcs11-tool" is not on the path.';
  if (!has('script', '--version')) return '"script" of util-linux is not on the path.';
  return hasOpenssl ? undefined : '"openssl" is not on the path.';
}

export class SoftHsm {
  private constructor(
    private readonly folder: string,
    /** What Muniment's processes and the tools need to know. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** One token "acme hsm" with the PIN above, and no key. */
  static async in(folder: string): Promise<SoftHsm> {
    await mkdir(join(folder, 'tokens'), { recursive: true });
    await writeFile(join(folder, 'softhsm2.conf'), `directories.tokendir = ${join(folder, 'tokens')}\n`);
    const found = spawnSync('sh', ['-c', 'command -v pkcs11-tool'], { encoding: 'utf8' }).stdout.trim();
    await mkdir(join(folder, 'bin'));
    const recorder = join(folder, 'bin', 'pkcs11-tool');
    await writeFile(recorder, `#!/bin/sh\necho "$@" >>'${join(folder, 'calls')}'\nexec '${found}' "$@"\n`);
    await chmod(recorder, 0o755);
    const hsm = new SoftHsm(folder, {
      SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    });
    hsm.#must('softhsm2-util', '--init-token', '--free', '--label', 'acme hsm', '--so-pin', '12345678', '--pin', PIN);
    return hsm;
  }

  /** Another set of tokens: none. */
  async empty(): Promise<Readonly<Record<string, string>>> {
    const none = join(this.folder, 'none');
    await mkdir(join(none, 'tokens'), { recursive: true });
    await writeFile(join(none, 'softhsm2.conf'), `directories.tokendir = ${join(none, 'tokens')}\n`);
    return { ...this.env, SOFTHSM2_CONF: join(none, 'softhsm2.conf') };
  }

  /** `pkcs11-tool` as its user runs it, logged in. */
  tool(...args: string[]): string {
    const found = this.#must(
      'pkcs11-tool',
      ...['--module', MODULE, '--token-label', 'acme hsm', '--login', '--pin', PIN, ...args],
    );
    return found.toString('latin1');
  }

  /** SPKI, DER, as the token itself gives it out */
  publicKey(label: string): Buffer {
    const args = [
      '--module',
      MODULE,
      '--token-label',
      'acme hsm',
      '--read-object',
      '--type',
      'pubkey',
      '--label',
      label,
    ];
    return this.#must('pkcs11-tool', ...args);
  }

  /** Arguments of every call of the tool since the last time that this was asked. */
  async calls(): Promise<string[]> {
    const file = join(this.folder, 'calls');
    const lines = existsSync(file) ? (await readFile(file, 'utf8')).trimEnd().split('\n') : [];
    await writeFile(file, '');
    return lines.filter((line) => line !== '');
  }

  #must(program: string, ...args: string[]): Buffer {
    const { status, stdout, stderr, error } = spawnSync(program, args, { env: { ...process.env, ...this.env } });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout.toString()}${stderr.toString()}`);
    return stdout;
  }
}

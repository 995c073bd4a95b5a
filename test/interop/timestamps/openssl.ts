/** OpenSSL as somebody else's timestamp authority (`openssl ts -reply`) and as the outside verifier. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RunningAuthority } from '../../support/timestamp-authority.ts';
import { replyWith, startAuthority } from '../../support/timestamp-authority.ts';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
/** Without the tool a test is skipped and says so, except in CI, where it fails. */
export const mustRun = hasOpenssl || !['', '0', 'false'].includes(process.env['CI'] ?? '');
if (!mustRun) process.stderr.write('SKIPPED: "openssl" is not on the path.\n');

/** Runs OpenSSL in a folder. @returns what it said, and whether it was content */
export function openssl(folder: string, ...args: string[]): { ok: boolean; said: string } {
  const { status, stdout, stderr, error } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { ok: status === 0, said: `${stdout}${stderr}` };
}

function must(folder: string, ...args: string[]): void {
  const { ok, said } = openssl(folder, ...args);
  if (!ok) throw new Error(`openssl ${args.join(' ')}: ${said}`);
}

const CONFIG = (essDigest: string) => `
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[authority]
serial = serial
signer_cert = tsa.pem
certs = chain.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = ${essDigest}
`;

export const KEYS = {
  'ECDSA P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'ECDSA P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'RSA 3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
} as const;

export interface OpensslAuthority {
  readonly folder: string;
  /** PEM files */
  readonly root: string;
  readonly certificate: string;
  readonly reply: (request: Uint8Array) => Uint8Array;
}

/** Root, intermediate and authority, made by OpenSSL alone. @param essDigest of the signing-certificate attribute */
export async function makeOpensslAuthority(
  key: keyof typeof KEYS = 'ECDSA P-256',
  essDigest = 'sha256',
): Promise<OpensslAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-tsa-'));
  await writeFile(join(folder, 'tsa.cnf'), CONFIG(essDigest));
  await writeFile(join(folder, 'serial'), '01\n');
  const names = { root: '/CN=Interop Root', between: '/CN=Interop Between', tsa: '/O=Interop/CN=Interop Time' };
  for (const [name, subject] of Object.entries(names)) {
    must(folder, 'genpkey', ...KEYS[key], '-out', `${name}.key`);
    must(folder, 'req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`, '-config', 'tsa.cnf');
  }
  const sign = (name: string, by: string[], section: string) =>
    must(
      folder,
      ...['x509', '-req', '-in', `${name}.csr`, ...by, '-days', '3650', '-out', `${name}.pem`],
      ...['-extfile', 'tsa.cnf', '-extensions', section],
    );
  sign('root', ['-key', 'root.key'], 'ca');
  sign('between', ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial'], 'ca');
  sign('tsa', ['-CA', 'between.pem', '-CAkey', 'between.key', '-CAcreateserial'], 'tsa');
  await writeFile(join(folder, 'chain.pem'), await readFile(join(folder, 'between.pem')));
  return {
    folder,
    root: join(folder, 'root.pem'),
    certificate: join(folder, 'tsa.pem'),
    reply(request) {
      const name = randomBytes(6).toString('hex');
      writeFileSync(join(folder, `${name}.tsq`), request);
      const files = ['-queryfile', `${name}.tsq`, '-out', `${name}.tsr`];
      must(folder, 'ts', '-reply', '-config', 'tsa.cnf', '-section', 'authority', ...files);
      return readFileSync(join(folder, `${name}.tsr`));
    },
  };
}

export const serve = (authority: OpensslAuthority): Promise<RunningAuthority> =>
  startAuthority(replyWith((request) => authority.reply(request)));

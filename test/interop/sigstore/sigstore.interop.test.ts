/**
 * One exported bundle before strangers: npm's `@sigstore/verify` 4.1 accepts it by our log's key and the authority's
 * certificates alone, PyPI's model-signing by the owner's key and the file alone, and both refuse what was changed.
 */
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { SigstoreBundle } from '../../../src/exchange/sigstore-bundle.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity } from '../../support/client.ts';
import { Client } from '../../support/client.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { spawnServer } from '../../support/server.ts';
import type { RunningAuthority } from '../../support/timestamp-authority.ts';
import { Users, writeModel } from '../../e2e/cli-user.ts';
import type { OpensslAuthority } from '../timestamps/openssl.ts';
import { makeOpensslAuthority, mustRun as withOpenssl, serve } from '../timestamps/openssl.ts';
import { judgeByModelSigning, judgeBySigstore, mustRun, prepareModelSigning, prepareSigstore } from './strangers.ts';

jest.setTimeout(300_000);

const sigstore = prepareSigstore();
const modelSigning = prepareModelSigning();
const whenSigstore = withOpenssl && mustRun(sigstore) ? test : test.skip;
const whenModelSigning = withOpenssl && mustRun(modelSigning) ? test : test.skip;

let data = '';
let authority: OpensslAuthority;
let served: RunningAuthority;
let server: SpawnedServer | undefined;
let users: Users;
let bundle: SigstoreBundle;
let keys: Record<string, string>;
let trustedRoot: object;
const path = (name: string) => users.path(name);

beforeAll(async () => {
  if (!withOpenssl) return;
  data = await makeDataFolder();
  authority = await makeOpensslAuthority();
  served = await serve(authority);
  server = await spawnServer({
    env: {
      MUNIMENT_DATA: data,
      MUNIMENT_WORKER: 'false',
      MUNIMENT_LOG_LEVEL: 'info',
      MUNIMENT_LOG_NAME: 'log.example.org/muniment',
      MUNIMENT_TSA_URL: served.url,
      MUNIMENT_TSA_ROOTS: authority.root,
    },
  });
  users = await Users.at(server.url);
  await users.do('registrar', 'login', '--api-key', `@${data}/registrar.key`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await writeModel(path('model.safetensors'), [1, 2, 3, 4]);
  await users.do('acme', 'keygen', '--register');
  const facts = ['--name', 'digits', '--owner', 'Acme Labs', '--license', 'Apache-2.0'];
  await users.do('acme', 'register', path('model.safetensors'), ...facts);
  const files = ['--out', path('model.sig'), '--public-key', path('owner.pem')];
  const { publicKey } = await users.do<{ publicKey: string }>(
    'acme',
    ...['export', path('model.safetensors'), '--format', 'oms', ...files],
  );
  bundle = JSON.parse(await readFile(path('model.sig'), 'utf8')) as SigstoreBundle;
  keys = { [bundle.verificationMaterial.publicKey.hint]: publicKey };
  trustedRoot = await makeTrustedRoot(await new Client(server.url).read<LogIdentity>('/v1/log'));
}, 300_000);

afterAll(async () => {
  await server?.stop();
  if (!withOpenssl) return;
  await served.close();
  await users.remove();
  for (const folder of [data, authority.folder]) await rm(folder, { recursive: true, force: true });
});

/** What an operator of stock tools writes down once: the log's key and the authority's certificates. */
async function makeTrustedRoot({ origin, verifierKey }: LogIdentity) {
  const key = Buffer.from(verifierKey.split('+').slice(2).join('+'), 'base64');
  const certificates = await Promise.all(
    ['tsa.pem', 'between.pem', 'root.pem'].map(async (name) => {
      const pem = await readFile(`${authority.folder}/${name}`, 'utf8');
      return { rawBytes: pem.replaceAll(/-----.*-----|\n/g, '') };
    }),
  );
  const validFor = { start: '2020-01-01T00:00:00Z' };
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: `https://${origin}`,
        hashAlgorithm: 'SHA2_256',
        publicKey: {
          rawBytes: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.subarray(1)]).toString('base64'),
          keyDetails: 'PKIX_ED25519',
          validFor,
        },
        // C2SP signed-note: over name, newline, type and key.
        logId: { keyId: createHash('sha256').update(`${origin}\n`).update(key).digest('base64') },
      },
    ],
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [
      {
        subject: { organization: 'Interop', commonName: 'Interop Time' },
        uri: served.url,
        certChain: { certificates },
        validFor,
      },
    ],
  };
}

/** The bundle, changed in a copy. */
function changed(change: (copy: SigstoreBundle) => void): SigstoreBundle {
  const copy = structuredClone(bundle);
  change(copy);
  return copy;
}

const flipped = (base64: string, at: number): string => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return bytes.toString('base64');
};

describe('@sigstore/verify', () => {
  whenSigstore('accepts the bundle with our inclusion proof and timestamp', () => {
    expect(judgeBySigstore(sigstore, { trustedRoot, keys, bundles: [bundle] })).toEqual(['accepted']);
  });

  whenSigstore('refuses it with another proof, payload or log entry, and without or with another time', () => {
    const entryOf = (copy: SigstoreBundle) => copy.verificationMaterial.tlogEntries[0];
    const bundles = [
      changed((copy) => {
        const { hashes } = entryOf(copy).inclusionProof;
        hashes[0] = flipped(hashes[0]!, 5);
      }),
      changed((copy) => void (copy.dsseEnvelope.payload = flipped(copy.dsseEnvelope.payload, 40))),
      changed((copy) => void (copy.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [])),
      changed((copy) => void (entryOf(copy).canonicalizedBody = flipped(entryOf(copy).canonicalizedBody, -10))),
      changed((copy) => {
        const [stamp] = copy.verificationMaterial.timestampVerificationData.rfc3161Timestamps;
        stamp!.signedTimestamp = flipped(stamp!.signedTimestamp, -3);
      }),
      changed((copy) => {
        const { checkpoint } = entryOf(copy).inclusionProof;
        checkpoint.envelope = checkpoint.envelope.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`);
      }),
    ];
    expect(judgeBySigstore(sigstore, { trustedRoot, keys, bundles })).toEqual([
      expect.stringContaining('refused: TLOG_INCLUSION_PROOF_ERROR'),
      expect.stringContaining('refused: TLOG_BODY_ERROR'),
      expect.stringContaining('refused: TIMESTAMP_ERROR'),
      expect.stringContaining('refused: '),
      expect.stringContaining('refused: TIMESTAMP_ERROR'),
      expect.stringContaining('refused: TLOG_INCLUSION_PROOF_ERROR'),
    ]);
  });
});

describe('model-signing of PyPI', () => {
  const judge = (file: string, key = 'owner.pem') =>
    judgeByModelSigning(modelSigning, path(file), path('model.sig'), path(key));

  whenModelSigning('accepts the same bundle for the file, whatever it is called', async () => {
    expect(judge('model.safetensors')).toEqual({ ok: true, said: expect.stringContaining('succeeded') });
    await writeFile(path('renamed.bin'), await readFile(path('model.safetensors')));
    expect(judge('renamed.bin').ok).toBe(true);
  });

  whenModelSigning('refuses a changed file, and the key of somebody else', async () => {
    const bytes = await readFile(path('model.safetensors'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path('changed.safetensors'), bytes);
    expect(judge('changed.safetensors')).toEqual({ ok: false, said: expect.stringContaining('mismatch') });
    await users.join('registrar', 'beta', 'Beta Corp');
    const { file } = await users.do<{ file: string }>('beta', 'keygen', '--register');
    const { createPublicKey } = await import('node:crypto');
    const other = createPublicKey(await readFile(file, 'utf8')).export({ format: 'pem', type: 'spki' });
    await writeFile(path('other.pem'), other);
    expect(judge('model.safetensors', 'other.pem').ok).toBe(false);
  });
});

/** Of one file and of several, the root digest is the one that PyPI's model-signing signs for the same files. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { writeSafetensors } from '../../../src/core/weights/safetensors.ts';
import { hashFile } from '../../../src/platform/storage/hash-file.ts';
import { mustRun, prepareModelSigning, signByModelSigning } from './strangers.ts';

jest.setTimeout(300_000);

const modelSigning = prepareModelSigning();
const whenModelSigning = mustRun(modelSigning) ? test : test.skip;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-root-'));
});

afterAll(() => rm(folder, { recursive: true }));

whenModelSigning.each([
  ['beside each other', ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']],
  // By bytes, "/" stands behind "-" and "."; by parts, a folder stands before what its name begins.
  ['in folders', ['a.safetensors', 'a/b.safetensors', 'a-b/a.safetensors', 'a/b/c.safetensors', 'z.safetensors']],
  ['with names beyond ASCII', ['ü.safetensors', '\uff61.safetensors', '\u{1f600}.safetensors', 'Z.safetensors']],
])('of shards %s', async (title, shards) => {
  const model = join(folder, title);
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const name = `tensor ${i}`;
    map[name] = shard;
    await mkdir(dirname(join(model, shard)), { recursive: true });
    await writeFile(
      join(model, shard),
      writeSafetensors([{ name, dtype: 'U8', shape: [3], data: Uint8Array.of(i, 1, 2) }]),
    );
  }
  const index = join(model, 'model.safetensors.index.json');
  await writeFile(index, JSON.stringify({ weight_map: map }));
  const statement = await signedStatement(model, title);
  expect(statement.predicate.resources).toHaveLength(shards.length + 1);
  const { fileDigest, rootDigest, files } = await hashFile(index);
  expect(files).toBe(shards.length + 1);
  expect(rootDigest).toBe(`sha256:${statement.subject[0]!.digest.sha256}`);
  expect(fileDigest).toBe(rootDigest);
});

whenModelSigning.each(['itself', 'the one file of a folder'])('of one file, signed as %s', async (title) => {
  const model = join(folder, title);
  await mkdir(model);
  const file = join(model, 'model.safetensors');
  await writeFile(
    file,
    writeSafetensors([{ name: 'w', dtype: 'U8', shape: [3], data: Uint8Array.of(title.length, 1, 2) }]),
  );
  const statement = await signedStatement(title === 'itself' ? file : model, title);
  expect(statement.predicate.resources).toHaveLength(1);
  const { fileDigest, rootDigest } = await hashFile(file);
  expect(rootDigest).toBe(`sha256:${statement.subject[0]!.digest.sha256}`);
  expect(fileDigest).not.toBe(rootDigest);
});

interface SignedStatement {
  subject: { digest: { sha256: string } }[];
  predicate: { resources: { name: string }[] };
}

async function signedStatement(model: string, title: string): Promise<SignedStatement> {
  const key = join(folder, 'key.pem');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(key, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const signature = join(folder, `${title}.sig`);
  signByModelSigning(modelSigning, model, signature, key);
  const bundle = JSON.parse(await readFile(signature, 'utf8')) as { dsseEnvelope: { payload: string } };
  return JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()) as SignedStatement;
}

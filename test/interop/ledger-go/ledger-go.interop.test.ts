/**
 * A log made by `src/core` before the eyes of Go's `golang.org/x/mod/sumdb/{note,tlog}`, which share no code with it:
 * checkpoint, tiles, entries, inclusion and consistency proofs are accepted, and refused after one flipped bit.
 * Needs Go on the path. Without it the tests are reported as skipped, except in CI, where they fail.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { toBase64, utf8 } from '../../../src/core/bytes.ts';
import { appendLeaves, nextEdge } from '../../../src/core/merkle/append.ts';
import { formatBundle } from '../../../src/core/merkle/bundle.ts';
import { proveConsistencyFrom, proveInclusionFrom } from '../../../src/core/merkle/proof.ts';
import { TILE_WIDTH, allTiles, entriesPath, tileKey, tilePath } from '../../../src/core/merkle/tile.ts';
import { leafHash } from '../../../src/core/merkle/tree.ts';
import { formatCheckpoint } from '../../../src/core/note/checkpoint.ts';
import { ED25519, formatVerifierKey, signNote } from '../../../src/core/note/note.ts';
import { flip, sha256 } from '../../unit/core/merkle/fixture.ts';
import { party } from '../../unit/core/note/fixture.ts';

const hasGo = spawnSync('go', ['version']).status === 0;
const mustRun = hasGo || process.env['CI'] === 'true';
const whenGo = mustRun ? test : test.skip;
if (!mustRun) process.stderr.write('SKIPPED: the interop tests with Go need "go" on the path, and it is not there.\n');

const ORIGIN = 'interop.example/ledger';
const log = party(ORIGIN, 1);
const witness = party('witness.example', 2);
const VERIFIER_KEY = formatVerifierKey(sha256, ORIGIN, ED25519, log.publicKey);

interface Proofs {
  inclusion: { index: number; size: number; leafHash: string; proof: string[] }[];
  consistency: { first: number; second: number; proof: string[] }[];
  checkpoints: string[];
}

interface PublishedLog {
  /** What a static server would hold, by path. */
  files: Map<string, Uint8Array>;
  proofs: Proofs;
}

/** A log grown batch by batch as the writer does, with the proofs that its receipts and its monitors would get. */
async function publish(batches: readonly number[]): Promise<PublishedLog> {
  const entries: Uint8Array[] = [];
  const tiles = new Map<string, Uint8Array>();
  const proofs: Proofs = { inclusion: [], consistency: [], checkpoints: [] };
  const sizes: number[] = [];
  let edge = new Map<string, Uint8Array>();
  let note = '';
  for (const count of batches) {
    const size = entries.length;
    for (let i = 0; i < count; i++) entries.push(utf8(`{"entry":${size + i},"pad":"${'x'.repeat((size + i) % 300)}"}`));
    const appended = appendLeaves(
      sha256,
      size,
      edge,
      entries.slice(size).map((entry) => leafHash(sha256, entry)),
    );
    edge = nextEdge(edge, appended);
    for (const tile of appended.tiles) tiles.set(tileKey(tile), tile.bytes);
    note = await signNote(formatCheckpoint({ origin: ORIGIN, size: appended.size, root: appended.root }), [
      witness.signer,
      log.signer,
    ]);
    proofs.checkpoints.push(note);
    sizes.push(appended.size);
  }

  for (const size of sizes) {
    for (const index of new Set([0, 1, 255, 256, Math.floor(size / 2), size - 2, size - 1])) {
      if (index < 0 || index >= size) continue;
      const proof = proveInclusionFrom(sha256, index, size, tiles).map(toBase64);
      proofs.inclusion.push({ index, size, leafHash: toBase64(leafHash(sha256, entries[index]!)), proof });
    }
    for (const first of new Set([1, 2, 128, 255, 256, 257, ...sizes])) {
      if (first > size) continue;
      proofs.consistency.push({
        first,
        second: size,
        proof: proveConsistencyFrom(sha256, first, size, tiles).map(toBase64),
      });
    }
  }

  const files = new Map([['checkpoint', utf8(note)]]);
  for (const { level, index, width } of allTiles(entries.length)) {
    files.set(tilePath({ level, index }, width), tiles.get(tileKey({ level, index }))!);
    if (level > 0) continue;
    const bundle = entries.slice(index * TILE_WIDTH, index * TILE_WIDTH + width);
    files.set(entriesPath(index, width), formatBundle(bundle));
  }
  return { files, proofs };
}

describe("Go's sumdb packages", () => {
  let folder: string;
  let server: Server;
  let base: string;
  let served: Map<string, Uint8Array>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ledger-go-'));
    server = createServer((request, response) => {
      const file = served.get(request.url!.slice(1));
      response.writeHead(file === undefined ? 404 : 200).end(file);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  /** Runs the checks against what is served, or against another base. */
  async function check({ files, proofs }: PublishedLog, from = base, key = VERIFIER_KEY) {
    served = files;
    const file = join(folder, 'proofs.json');
    await writeFile(file, JSON.stringify(proofs));
    const child = spawn(join(import.meta.dirname, 'run.sh'), [from, key, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    const lines = output.trimEnd().split('\n');
    const named = (verdict: string) =>
      lines.filter((line) => line.startsWith(`${verdict} `)).map((line) => line.slice(verdict.length + 1));
    return { code, passed: named('PASS'), failed: named('FAIL'), last: lines.at(-1) };
  }

  whenGo.each([
    ['one entry', [1]],
    ['a few entries, one by one', [1, 1, 1, 1, 1]],
    ['exactly one full tile', [100, 156]],
    ['one entry past a full tile', [255, 1, 1]],
    ['a tree of odd batches', [3, 252, 1, 300, 44, 111]],
    ['two full levels and a little', [65_279, 1, 256, 1, 300]],
  ])(
    'accept %s, and refuse each part after one flipped bit',
    async (_, batches) => {
      const published = await publish(batches);
      const { code, passed, failed, last } = await check(published);
      expect(failed).toEqual([]);
      expect(code).toBe(0);
      expect(last).toBe(`${passed.length} passed, 0 failed`);
      const { inclusion, consistency, checkpoints } = published.proofs;
      const tiles = [...published.files.keys()].filter((path) => /^tile\/\d/.test(path));
      for (const name of [
        'checkpoint opens',
        'every leaf hash read through authenticated tiles',
        "tampered: each bit of the checkpoint's text",
        "tampered: each bit of the checkpoint's signature",
        ...tiles.flatMap((path) => [path, `tampered: ${path}`]),
        ...checkpoints.map((_, i) => `checkpoint ${i} of the proofs file`),
        ...inclusion.map(({ index, size }) => `inclusion of ${index} in ${size}`),
        ...inclusion.map(({ index, size }) => `tampered: a bit in each hash of the inclusion of ${index} in ${size}`),
        ...consistency.map(({ first, second }) => `consistency of ${first} with ${second}`),
        ...consistency.map(
          ({ first, second }) => `tampered: a bit in each hash of the consistency of ${first} with ${second}`,
        ),
      ]) {
        expect(passed).toContain(name);
      }
    },
    180_000,
  );

  whenGo(
    'accept the same log from a folder',
    async () => {
      const published = await publish([20, 280]);
      for (const [path, bytes] of published.files) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), bytes);
      }
      expect(await check(published, folder)).toMatchObject({ code: 0, failed: [] });
    },
    60_000,
  );

  describe('do fail, so that the checks above mean something', () => {
    const broken = (change: (log: PublishedLog) => void) => async () => {
      const published = await publish([200, 100]);
      change(published);
      return check(published);
    };
    const flipFile = (path: string) => broken(({ files }) => files.set(path, flip(files.get(path)!, 8 * 40 + 1)));
    const flipBase64 = (text: string) => toBase64(flip(new Uint8Array(Buffer.from(text, 'base64')), 77));

    whenGo.each<[string, () => ReturnType<typeof check>, RegExp]>([
      ['a flipped bit in the checkpoint', flipFile('checkpoint'), /^checkpoint opens/],
      ['a flipped bit in an entry', flipFile('tile/entries/000'), /^tree of 300 entries recomputed/],
      ['a flipped bit in a full tile', flipFile('tile/0/000'), /^tile\/0\/000:/],
      ['a flipped bit in a partial tile', flipFile('tile/0/001.p/44'), /^tile\/0\/001\.p\/44:/],
      ['a missing tile', broken(({ files }) => files.delete('tile/1/000.p/1')), /^tile\/1\/000\.p\/1:/],
      [
        'a flipped bit in an inclusion proof',
        broken(({ proofs }) => {
          const { proof } = proofs.inclusion[0]!;
          proof[0] = flipBase64(proof[0]!);
        }),
        /^inclusion of 0 in 200/,
      ],
      [
        'a flipped bit in a consistency proof',
        broken(({ proofs }) => {
          const { proof } = proofs.consistency[0]!;
          proof[0] = flipBase64(proof[0]!);
        }),
        /^consistency of 1 with 200/,
      ],
      [
        'a flipped bit in the checkpoint of a receipt',
        broken(({ proofs }) => (proofs.checkpoints[0] = proofs.checkpoints[0]!.replace('\n200\n', '\n201\n'))),
        /^checkpoint 0 of the proofs file/,
      ],
      ['a file without proofs', broken(({ proofs }) => (proofs.inclusion = [])), /^proofs file/],
    ])(
      'on %s',
      async (_, run, name) => {
        const { code, failed, last } = await run();
        expect(code).toBe(1);
        expect(failed).toContainEqual(expect.stringMatching(name));
        expect(last).toMatch(/^\d+ passed, [1-9]\d* failed$/);
      },
      60_000,
    );

    whenGo(
      'on a key of another log',
      async () => {
        const stranger = formatVerifierKey(sha256, ORIGIN, ED25519, party(ORIGIN, 3).publicKey);
        const { code, failed } = await check(await publish([10]), base, stranger);
        expect(code).toBe(1);
        expect(failed).toEqual([expect.stringMatching(/^checkpoint opens/)]);
      },
      60_000,
    );
  });
});

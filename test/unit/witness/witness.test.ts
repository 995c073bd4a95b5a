import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cosignatureVerifier, parseCosignature } from '../../../src/core/note/cosignature.ts';
import { openNote, parseSignatures, parseVerifierKey } from '../../../src/core/note/note.ts';
import { addTrust, NO_TRUST } from '../../../src/core/trust/index.ts';
import { sha256, verifyEd25519 } from '../../../src/platform/crypto.ts';
import { createLog } from '../../../src/platform/logging/index.ts';
import { Memory } from '../../../src/witness/memory.ts';
import { makeWitnessKey, readWitnessKey, startWitness, Witness } from '../../../src/witness/index.ts';
import type { RunningWitness } from '../../../src/witness/index.ts';
import { ShownLog } from '../../support/witnessed-log.ts';

const log = new ShownLog();
const other = new ShownLog('other.example/log', 2);
const key = readWitnessKey(makeWitnessKey('witness.example/w').text);
const verifier = cosignatureVerifier(sha256, parseVerifierKey(sha256, key.verifierKey), verifyEd25519);
const raced = Array.from({ length: 8 }, (_, i) => new ShownLog(`raced.example/${i}`, 50 + i));
const logs = [log, other, ...raced].reduce((trust, { verifierKey }) => addTrust(sha256, trust, verifierKey), NO_TRUST);

let folder: string;
let now: number;
let logged: Record<string, unknown>[];
let running: RunningWitness | undefined;

const options = () => ({
  folder,
  key,
  logs,
  now: () => now,
  log: createLog({ logLevel: 'info' }, { write: (line) => void logged.push(JSON.parse(line) as never) }),
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-witness-'));
  now = 1_700_000_000_500;
  logged = [];
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  await rm(folder, { recursive: true });
});

async function serve() {
  running = await startWitness({ ...options(), host: '127.0.0.1', port: 0 });
  const { url } = running;
  return async (body: string | Uint8Array, init: RequestInit = {}) => {
    const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: body as string, ...init });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), text };
  };
}

/** What the cosignature in an answer says, when it holds for that checkpoint. */
async function cosigned(checkpoint: string, lines: string) {
  const { verified } = await openNote(checkpoint + lines, [verifier]);
  return parseCosignature(verified[0]!.signature);
}

describe('a witness on HTTP', () => {
  it('cosigns a log as it grows', async () => {
    const post = await serve();
    for (const [before, size] of [
      [0, 3],
      [3, 3],
      [3, 200],
      [200, 600],
    ] as const) {
      now += 2000;
      const answer = await post(await log.request(before, size));
      expect(answer).toMatchObject({ status: 200 });
      expect(await cosigned(await log.checkpoint(size), answer.text)).toMatchObject({ time: Math.floor(now / 1000) });
    }
  });

  it.each<[string, number, () => Promise<string>]>([
    ['an old size that it does not hold', 409, () => log.request(2, 9)],
    ['another tree of the size that it cosigned', 409, () => log.request(5, 5, 'fork')],
    ['a smaller tree', 400, () => log.request(5, 4)],
    ['a smaller tree with its size for the old one', 409, () => log.request(4, 4)],
    ['a longer fork', 422, () => log.request(5, 9, 'fork', 4)],
    ['a proof that lacks a hash', 422, async () => (await log.request(5, 9)).replace(/\n[^\n]+/, '')],
    ['a log that it does not know', 404, () => new ShownLog('third.example/log', 3).request(0, 5)],
    ['a checkpoint under another key of that name', 403, () => new ShownLog(log.origin, 9).request(5, 9)],
    [
      'a checkpoint whose size was changed after it was signed',
      403,
      async () => (await log.request(5, 9)).replace('\n9\n', '\n8\n'),
    ],
    ['no request at all', 400, () => Promise.resolve('hello')],
    ['nothing', 400, () => Promise.resolve('')],
  ])('answers %s with %i and cosigns nothing', async (_, status, request) => {
    const post = await serve();
    expect(await post(await log.request(0, 5))).toMatchObject({ status: 200 });
    const answer = await post(await request());
    expect(answer.status).toBe(status);
    expect(answer.text).not.toMatch(/^—/m);
    if (status === 409) expect(answer).toMatchObject({ type: 'text/x.tlog.size', text: '5\n' });
    expect(await post(await log.request(5, 6))).toMatchObject({ status: 200 });
  });

  it('keeps the evidence of a fork in its log', async () => {
    const post = await serve();
    await post(await log.request(0, 5));
    await post(await log.request(5, 5, 'fork'));
    await post(await log.request(5, 9, 'fork'));
    const told = logged.filter(({ level }) => level === 'warn');
    expect(told.map(({ msg }) => msg)).toEqual([
      'The log has signed two trees of one size.',
      'The log shows a tree without a proof that it extends the last one.',
    ]);
    expect(told[0]).toMatchObject({ shown: await log.checkpoint(5, 'fork') });
    expect(told[0]!['cosigned']).toContain('\n5\n');
  });

  it('keeps logs apart', async () => {
    const post = await serve();
    expect(await post(await log.request(0, 5))).toMatchObject({ status: 200 });
    expect(await post(await other.request(0, 2))).toMatchObject({ status: 200 });
    expect(await post(await log.request(5, 6))).toMatchObject({ status: 200 });
    const shown = await (await fetch(running!.url)).text();
    expect(shown).toContain(`${key.verifierKey}\n\n${log.origin} 6\n${other.origin} 2\n`);
  });

  it.each([
    ['of any type', { headers: { 'content-type': 'application/json' } }],
    ['of no type', {}],
  ])('takes a body %s', async (_, init) => {
    const post = await serve();
    expect(await post(Buffer.from(await log.request(0, 5)), init)).toMatchObject({ status: 200 });
  });

  it('takes no body beyond its bound, and bytes that are no text as no request', async () => {
    const post = await serve();
    expect(await post('x'.repeat(200_000))).toMatchObject({ status: 413 });
    expect(await post(Uint8Array.of(0xff, 0xfe))).toMatchObject({ status: 400 });
  });

  it('has nothing else to show', async () => {
    await serve();
    expect((await fetch(`${running!.url}/add-checkpoint`)).status).toBe(404);
    expect((await fetch(`${running!.url}/../../etc/passwd`)).status).toBe(404);
  });

  it('of two forks that arrive at once cosigns one, whichever comes first', async () => {
    const post = await serve();
    for (const racing of raced) {
      expect(await post(await racing.request(0, 4))).toMatchObject({ status: 200 });
      const bodies = await Promise.all(
        Array.from({ length: 10 }, (_, i) => racing.request(4, 7 + (i % 3), i % 2 === 0 ? 'main' : 'fork', 4)),
      );
      const answers = await Promise.all(bodies.map((body) => post(body)));
      const won = answers.flatMap(({ status }, i) => (status === 200 ? [i % 2 === 0 ? 'main' : 'fork'] : []));
      expect(new Set(won).size).toBe(1);
      expect(answers.every(({ status }) => [200, 400, 409].includes(status))).toBe(true);
      const lost = won[0] === 'main' ? 'fork' : 'main';
      const held = Number((await post(await racing.request(0, 20, won[0], 4))).text);
      expect(await post(await racing.request(held, 20, lost, 4))).toMatchObject({ status: 422 });
      expect(await post(await racing.request(held, 20, won[0], 4))).toMatchObject({ status: 200 });
    }
  });
});

describe('the memory of a witness', () => {
  const add = async (witness: Witness, request: Promise<string>) => (await witness.addCheckpoint(await request)).status;

  it('outlives a restart', async () => {
    const first = await Witness.open(options());
    expect(await add(first, log.request(0, 5))).toBe(200);
    await first.close();
    const second = await Witness.open(options());
    expect(await add(second, log.request(0, 5, 'fork'))).toBe(409);
    expect(await add(second, log.request(5, 5, 'fork'))).toBe(409);
    expect(await add(second, log.request(5, 6))).toBe(200);
    await second.close();
  });

  it('belongs to one process at a time', async () => {
    const first = await Witness.open(options());
    await expect(Witness.open(options())).rejects.toMatchObject({ code: 'state_conflict', field: 'data' });
    await first.close();
    await (await Witness.open(options())).close();
  });

  it('says nothing earlier than before when the clock was put back', async () => {
    const times: number[] = [];
    for (const size of [3, 4, 5]) {
      const witness = await Witness.open(options());
      const answer = await witness.addCheckpoint(await log.request(size === 3 ? 0 : size - 1, size));
      const [line] = parseSignatures((answer as { lines: string }).lines);
      times.push(parseCosignature(line!.signature).time);
      await witness.close();
      now -= 60_000;
    }
    expect(times).toEqual([1_700_000_000, 1_700_000_000, 1_700_000_000]);
  });

  it('is what was cosigned, on disk before the answer', async () => {
    const witness = await Witness.open(options());
    const answer = await witness.addCheckpoint(await log.request(0, 5));
    const kept = await readFile((await Memory.open(folder)).pathOf(log.origin), 'utf8');
    expect(kept).toBe((await log.checkpoint(5)) + (answer as { lines: string }).lines);
    await witness.close();
  });

  it('that is damaged, another log’s or another witness’s stops the start', async () => {
    const witness = await Witness.open(options());
    await witness.addCheckpoint(await log.request(0, 5));
    await witness.addCheckpoint(await other.request(0, 5));
    await witness.close();
    const memory = await Memory.open(folder);
    const path = memory.pathOf(log.origin);
    const good = await readFile(path, 'utf8');
    const damages = [
      '',
      good.slice(0, -20),
      good.replace('\n5\n', '\n4\n'),
      await readFile(memory.pathOf(other.origin), 'utf8'),
      await log.checkpoint(5),
    ];
    for (const damaged of damages) {
      await writeFile(path, damaged);
      await expect(Witness.open(options())).rejects.toMatchObject({ code: 'ledger_inconsistent' });
    }
    await writeFile(path, good);
    const another = readWitnessKey(makeWitnessKey('witness.example/another').text);
    await expect(Witness.open({ ...options(), key: another })).rejects.toMatchObject({ code: 'ledger_inconsistent' });
    await (await Witness.open(options())).close();
  });

  it('that cannot be written lets no cosignature out, and no second tree in', async () => {
    const witness = await Witness.open(options());
    expect(await add(witness, log.request(0, 5))).toBe(200);
    await rename(folder, `${folder}-gone`);
    await expect(add(witness, log.request(5, 9))).rejects.toMatchObject({ code: 'ENOENT' });
    await rename(`${folder}-gone`, folder);
    expect(await add(witness, log.request(5, 8, 'fork'))).toBe(422);
    expect(await add(witness, log.request(5, 9))).toBe(200);
    await witness.close();
  });

  it('takes a draft that a crash left for nothing', async () => {
    const witness = await Witness.open(options());
    expect(await add(witness, log.request(0, 5))).toBe(200);
    await witness.close();
    await writeFile(`${(await Memory.open(folder)).pathOf(log.origin)}.new`, 'half a fi');
    const second = await Witness.open(options());
    expect(await add(second, log.request(5, 6))).toBe(200);
    await second.close();
  });
});

describe('the key of a witness', () => {
  it('names itself in its file', () => {
    const made = makeWitnessKey('witness.example/x');
    expect(readWitnessKey(made.text)).toMatchObject({ name: 'witness.example/x', verifierKey: made.verifierKey });
  });

  it.each<[string, (text: string) => string]>([
    ['no private half', (text) => text.split('\n')[0]!],
    ['no name', (text) => text.slice(text.indexOf('\n') + 1)],
    [
      'the private half of another',
      (text) => `${text.split('\n')[0]}\n${makeWitnessKey('w').text.split('\n').slice(1).join('\n')}`,
    ],
    ['the key of a log', () => `${log.verifierKey}\n`],
    ['nothing', () => ''],
  ])('is refused with %s', (_, change) => {
    const { text } = makeWitnessKey('witness.example/x');
    expect(() => readWitnessKey(change(text))).toThrow(expect.objectContaining({ code: 'configuration_invalid' }));
  });

  it('is refused under a name that no key can bear', () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb']) {
      expect(() => makeWitnessKey(name)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    }
  });

  it('must not be that of a log, nor bear its name', async () => {
    const named = readWitnessKey(makeWitnessKey(log.origin).text);
    await expect(Witness.open({ ...options(), key: named })).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
});

/** Counting against quotas where the registry refuses, the clock is moved, and processes end at the worst moment. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { refusalOf } from '../../../src/gate/answer.ts';
import type { OpenBlock } from '../../../src/gate/journal.ts';
import { Journal } from '../../../src/gate/journal.ts';
import type { MeterOptions } from '../../../src/gate/meter.ts';
import { Meter } from '../../../src/gate/meter.ts';
import { newId } from '../../../src/platform/crypto.ts';
import { Registry } from './registry.ts';

let folder: string;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-meter-'));
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function registryOf(quota?: number): Promise<Registry> {
  const registry = await new Registry(quota).start();
  open.push(registry);
  return registry;
}
const newJournal = () => join(folder, newId('journal'));
function meterOf({ url }: Registry, changed: Partial<MeterOptions> = {}): Meter {
  const meter = new Meter({
    ...{ registry: url, apiKey: 'key', journal: newJournal(), blockCalls: 10, onError: () => undefined },
    ...{ reportSeconds: 3600, idleSeconds: 3600 },
    ...changed,
  });
  open.push(meter);
  return meter;
}
const use = { token: newId('token'), action: 'infer' };
const times = async (count: number, meter: Meter, grant: string) => {
  for (let i = 0; i < count; i++) await meter.count(grant, use, 'shown');
};
const coded = (code: string) => expect.objectContaining({ code });
/** Strangers are told, and not where the journal lies. */
const silent = (code: string) => expect.objectContaining({ code, message: expect.not.stringContaining(folder) });
async function kept(path: string) {
  const journal = await Journal.open(path);
  return { blocks: journal.blocks, close: () => journal.close() };
}
/** For one whose end is another that took its place. */
const forget = (meter: Meter) => open.splice(open.indexOf(meter), 1);

describe('a meter', () => {
  test('leases, reports and gives back', async () => {
    const registry = await registryOf(25);
    const meter = meterOf(registry);
    await times(13, meter, 'grant');
    expect(registry.counted('grant')).toEqual({ calls: 0, leased: 20 });
    await meter.report();
    expect(registry.counted('grant')).toEqual({ calls: 13, leased: 7 });
    await times(12, meter, 'grant');
    await expect(meter.count('grant', use, 'shown')).rejects.toEqual(coded('quota_exceeded'));
    await meter.close();
    expect(registry.counted('grant')).toEqual({ calls: 25, leased: 0 });
  });

  test('asks the registry once in a while for a quota that is used up, however often it is used: over quota', async () => {
    const registry = await registryOf(0);
    const meter = meterOf(registry);
    for (let i = 0; i < 300; i++) {
      await expect(meter.count('grant', use, 'shown')).rejects.toEqual(coded('quota_exceeded'));
    }
    expect(registry.asked.length).toBeLessThan(10);
    const before = registry.asked.length;
    await meter.report();
    // That a refused block was not leased is known.
    expect(registry.asked).toHaveLength(before);
  });

  test('takes what is free again a moment later', async () => {
    const registry = await registryOf(10);
    const [first, second] = [meterOf(registry), meterOf(registry)];
    await times(1, first, 'grant');
    await expect(second.count('grant', use, 'shown')).rejects.toEqual(coded('quota_exceeded'));
    await first.close();
    await sleep(1100);
    await times(9, second, 'grant');
    await expect(second.count('grant', use, 'shown')).rejects.toEqual(coded('quota_exceeded'));
  });

  test('gives back for other gates what nobody used for a while', async () => {
    const registry = await registryOf(10);
    const meter = meterOf(registry, { idleSeconds: 0.2 });
    await times(4, meter, 'grant');
    await meter.report();
    expect(registry.counted('grant')).toEqual({ calls: 4, leased: 6 });
    await sleep(250);
    await meter.report();
    expect(registry.counted('grant')).toEqual({ calls: 4, leased: 0 });
    await times(6, meter, 'grant');
    await meter.close();
    expect(registry.counted('grant')).toEqual({ calls: 10, leased: 0 });
  });

  test('gives nothing back that is used again in that very moment', async () => {
    const registry = await registryOf(10);
    const meter = meterOf(registry, { idleSeconds: 0.1 });
    await times(4, meter, 'grant');
    await meter.report();
    await sleep(150);
    registry.reached = () => times(1, meter, 'grant');
    await meter.report();
    registry.reached = () => undefined;
    await times(1, meter, 'grant');
    await meter.close();
    expect(registry.counted('grant')).toEqual({ calls: 6, leased: 0 });
  });

  test('keeps what it leased beforehand where there is no network, also when it is started again', async () => {
    const registry = await registryOf(10);
    const journal = newJournal();
    const meter = meterOf(registry, { journal, idleSeconds: 0.1 });
    await times(3, meter, 'grant');
    await meter.report();
    await registry.close();
    await sleep(150);
    await expect(meter.report()).rejects.toEqual(coded('unreachable'));
    forget(meter);
    await expect(meter.close()).rejects.toEqual(coded('unreachable'));
    const again = meterOf(registry, { journal });
    await times(7, again, 'grant');
    await expect(again.count('grant', use, 'shown')).rejects.toEqual(coded('unreachable'));
    await registry.start(registry.url);
    await again.close();
    expect(registry.counted('grant')).toEqual({ calls: 10, leased: 0 });
  });

  test('reports the others where the registry refuses one, tells of it, and spends no more of it', async () => {
    const registry = await registryOf();
    const meter = meterOf(registry);
    await times(3, meter, 'lost');
    await times(5, meter, 'kept');
    for (const [id, { grant }] of registry.blocks) if (grant === 'lost') registry.blocks.delete(id);
    await expect(meter.report()).rejects.toEqual(coded('use_not_licensed'));
    expect(registry.counted('kept')).toEqual({ calls: 5, leased: 5 });
    await times(2, meter, 'lost');
    await expect(meter.report()).rejects.toEqual(coded('use_not_licensed'));
    expect(registry.counted('lost')).toEqual({ calls: 2, leased: 8 });
    forget(meter);
    await expect(meter.close()).rejects.toEqual(coded('use_not_licensed'));
    expect([registry.counted('lost'), registry.counted('kept')]).toEqual([
      { calls: 2, leased: 0 },
      { calls: 5, leased: 0 },
    ]);
  });

  test('reports after the clock was moved back', async () => {
    const registry = await registryOf();
    const meter = meterOf(registry);
    await times(1, meter, 'grant');
    const real = ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout'];
    jest.useFakeTimers({ now: Date.now() - 3_600_000, doNotFake: real as never });
    try {
      await meter.report();
    } finally {
      jest.useRealTimers();
    }
    expect(registry.counted('grant')).toMatchObject({ calls: 1 });
  });

  test('spends nothing of a block that it was giving back when it was killed', async () => {
    const registry = await registryOf();
    const [journal, then] = [newJournal(), newJournal()];
    const meter = meterOf(registry, { journal });
    await times(3, meter, 'grant');
    // What is on the disk when the registry has settled and the gate does not know it yet.
    registry.before = async ({ path }) => {
      if (path.endsWith('/settle')) await cp(journal, then);
      return undefined;
    };
    await meter.close();
    registry.before = () => undefined;
    const again = meterOf(registry, { journal: then });
    await times(4, again, 'grant');
    await again.close();
    expect(registry.counted('grant')).toEqual({ calls: 7, leased: 0 });
  });

  test('counts each call once that it let through, whichever moment it is killed in', async () => {
    const registry = await registryOf(60);
    const journal = newJournal();
    const meter = meterOf(registry, { journal, blockCalls: 7 });
    let admitted = 0;
    const moments: { then: Registry; path: string; admitted: number }[] = [];
    const killed = async () => {
      const moment = { then: new Registry(60, registry), path: newJournal(), admitted };
      moments.push(moment);
      await cp(journal, moment.path);
      return undefined;
    };
    [registry.before, registry.after] = [killed, killed];
    for (let i = 0; i < 60; i++) {
      await meter.count('grant', use, 'shown');
      admitted++;
      await killed();
      if (i % 9 === 5) await meter.report();
    }
    await expect(meter.count('grant', use, 'shown')).rejects.toEqual(coded('quota_exceeded'));
    await meter.close();
    expect(registry.counted('grant')).toEqual({ calls: 60, leased: 0 });

    expect(moments.length).toBeGreaterThan(100);
    for (const { then, path, admitted: before } of moments) {
      const reached = await then.start();
      const again = meterOf(reached, { journal: path, blockCalls: 7 });
      // It reports, goes on, and ends in order.
      await again.report();
      const more = Math.min(5, 60 - before);
      await times(more, again, 'grant');
      forget(again);
      await again.close();
      await reached.close();
      expect(reached.counted('grant')).toEqual({ calls: before + more, leased: 0 });
    }
  });

  test('gives back what it was leasing when it closes', async () => {
    const registry = await registryOf();
    const meter = meterOf(registry);
    let close: Promise<void> | undefined;
    registry.before = async ({ path }) => {
      if (!path.endsWith('/usage-blocks')) return undefined;
      close = meter.close();
      await sleep(50);
      return undefined;
    };
    await expect(meter.count('grant', use, 'shown')).rejects.toEqual(coded('shutting_down'));
    await close;
    expect(registry.blocks.size).toBe(1);
    expect(registry.counted('grant')).toEqual({ calls: 0, leased: 0 });
  });

  test.each([
    ['nothing', {}],
    ['-1', { calls: -1 }],
    ['a text', { calls: '10' }],
  ])('lets nobody in by a lease of %s', async (_, answer) => {
    const registry = await registryOf();
    registry.before = ({ path }) => (path.endsWith('/usage-blocks') ? [200, answer] : undefined);
    await expect(meterOf(registry).count('grant', use, 'shown')).rejects.toThrow();
  });

  test('counts nothing where its key does not let it, and says so', async () => {
    const registry = await registryOf();
    registry.before = () => [403, { code: 'scope_missing', detail: 'The API key lacks the scope usage:write.' }];
    await expect(meterOf(registry).count('grant', use, 'shown')).rejects.toEqual(coded('configuration_invalid'));
  });
});

describe('a journal', () => {
  test('is that of one process: two would spend the same leased calls', async () => {
    const registry = await registryOf();
    const journal = newJournal();
    const first = meterOf(registry, { journal });
    await times(1, first, 'grant');
    const told = jest.fn<(error: unknown) => void>();
    const second = meterOf(registry, { journal, onError: told });
    await expect(second.count('grant', use, 'shown')).rejects.toEqual(silent('configuration_invalid'));
    expect(told).toHaveBeenCalledWith(coded('configuration_invalid'));
    forget(second);
    await first.close();
    await times(1, meterOf(registry, { journal }), 'grant');
  });

  test('that is damaged is told as such, and nobody is let in', async () => {
    const registry = await registryOf();
    const journal = newJournal();
    await writeFile(journal, '{"lease":"block","grant":"grant","calls":10,"at":"2026-01-01T00:00:00.000Z"}\n{"us\n');
    const meter = meterOf(registry, { journal });
    await expect(meter.count('grant', use, 'shown')).rejects.toEqual(silent('malformed_json'));
    // It is no fault of whoever asks.
    expect(refusalOf(await meter.count('grant', use, 'shown').catch((error: unknown) => error)).status).toBe(500);
    forget(meter);
    await writeFile(journal, '{"use":"block","token":"token","action":"infer","calls":1}\n');
    const other = meterOf(registry, { journal });
    await expect(other.count('grant', use, 'shown')).rejects.toEqual(silent('malformed_json'));
    forget(other);
  });

  test('does not grow with the calls', async () => {
    const registry = await registryOf();
    const journal = newJournal();
    const meter = meterOf(registry, { journal, blockCalls: 100_000 });
    let largest = 0;
    for (let round = 0; round < 40; round++) {
      await times(1000, meter, 'grant');
      largest = Math.max(largest, (await stat(journal)).size);
    }
    expect(largest).toBeLessThan(1.1 * 1024 * 1024);
    await meter.close();
    expect(registry.counted('grant')).toEqual({ calls: 40_000, leased: 0 });
    expect((await stat(journal)).size).toBeLessThan(1.1 * 1024 * 1024);
  });

  test('lets nothing through that it could not write down whole: full disk', async () => {
    const journal = newJournal();
    const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    // The system writes what fits into the limit, then refuses.
    const { stdout } = await promisify(execFile)('bash', [
      ...['-c', `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`, process.execPath],
      ...['--import', path('../../support/typescript-loader.js'), path('full-disk-child.ts'), journal],
    ]);
    const { used, refused } = JSON.parse(stdout) as { used: number; refused: string[] };
    expect(used).toBeGreaterThan(100);
    expect(refused).toEqual(['storage_full']);
    const { blocks, close } = await kept(journal);
    await close();
    const [{ left, unreported }] = [...blocks.values()] as [OpenBlock];
    expect([1_000_000 - left, [...unreported.values()].reduce((sum, calls) => sum + calls, 0)]).toEqual([used, used]);
  });
});

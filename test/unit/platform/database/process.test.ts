import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { commandOf, identify, isAlive, waitUntilGone } from '../../../../src/platform/database/process.ts';

describe('the identity of a process', () => {
  it('stays the same while it lives and ends with it', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
    const identity = await identify(Number(child.pid));
    if (!identity) throw new Error('not found');
    expect(await identify(Number(child.pid))).toEqual(identity);
    expect(await isAlive(identity)).toBe(true);
    expect(await commandOf(identity.pid)).toContain('setInterval');
    expect(await waitUntilGone(identity, 50)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await waitUntilGone(identity, 5000)).toBe(true);
  });

  it('tells two processes with one id apart by their start', async () => {
    const own = await identify(process.pid);
    expect(own && (await isAlive(own))).toBe(true);
    expect(await isAlive({ pid: process.pid, started: `${own?.started}0` })).toBe(false);
  });

  it('is nothing for an id that nobody has', async () => {
    expect(await identify(2 ** 22 + 1)).toBeUndefined();
  });
});

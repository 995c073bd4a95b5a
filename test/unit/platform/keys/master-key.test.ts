import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret } from '../../../../src/platform/config/index.ts';
import { MasterKey } from '../../../../src/platform/keys/index.ts';
import { createLog } from '../../../../src/platform/logging/index.ts';

const key = new MasterKey(new Uint8Array(32).fill(7));
const text = Buffer.from('the signing key');

describe('a sealed value', () => {
  it('opens under the same key and context', () => {
    for (const plaintext of [text, Buffer.alloc(0), Buffer.alloc(100_000, 1)]) {
      expect(key.open(key.seal(plaintext, 'signing-key/1'), 'signing-key/1').equals(plaintext)).toBe(true);
    }
  });

  it('looks different each time', () => {
    expect(key.seal(text, 'c').equals(key.seal(text, 'c'))).toBe(false);
  });

  it('does not open in another place, under another key or after any single bit was flipped', () => {
    const sealed = key.seal(text, 'signing-key/1');
    const refused = expect.objectContaining({ code: 'configuration_invalid', field: 'MUNIMENT_MASTER_KEY' });
    expect(() => key.open(sealed, 'signing-key/2')).toThrow(refused);
    expect(() => new MasterKey(new Uint8Array(32).fill(8)).open(sealed, 'signing-key/1')).toThrow(refused);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => key.open(flipped, 'signing-key/1')).toThrow(refused);
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => key.open(sealed.subarray(0, length), 'signing-key/1')).toThrow(refused);
    }
  });

  it('shows nothing of the key', () => {
    expect(inspect(key, { showHidden: true, depth: 9 }) + JSON.stringify(key)).not.toMatch(/7, 7|BwcH/);
  });
});

describe('the master key of a data folder', () => {
  let data: string;
  let lines: string;
  const log = createLog({ logLevel: 'info' }, { write: (line) => void (lines += line) });
  const load = () => MasterKey.load({ data, masterKey: undefined }, log);
  beforeEach(async () => {
    lines = '';
    data = join(await mkdtemp(join(tmpdir(), 'key-')), 'data');
  });
  afterEach(() => rm(join(data, '..'), { recursive: true }));

  it('is made once, readable by its user alone, and the log says where it is and not what it is', async () => {
    const sealed = (await load()).seal(text, 'c');
    expect((await stat(join(data, 'master.key'))).mode & 0o777).toBe(0o600);
    expect(lines).toContain(join(data, 'master.key'));
    expect(lines).not.toContain((await readFile(join(data, 'master.key'), 'utf8')).trim());
    lines = '';
    expect((await load()).open(sealed, 'c').equals(text)).toBe(true);
    expect(lines).toBe('');
  });

  it('is the same for ten processes that start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, load));
    const [first] = keys;
    for (const other of keys)
      expect(other.open(Buffer.from(first?.seal(text, 'c') ?? []), 'c').equals(text)).toBe(true);
  });

  it('comes from the settings when it is set there, and no file is made', async () => {
    const set = await MasterKey.load({ data, masterKey: new Secret(new Uint8Array(32).fill(7)) }, log);
    expect(set.open(key.seal(text, 'c'), 'c').equals(text)).toBe(true);
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused when other users may read it or when it is cut short', async () => {
    await load();
    const path = join(data, 'master.key');
    await chmod(path, 0o644);
    await expect(load()).rejects.toMatchObject({
      code: 'configuration_invalid',
      fix: expect.stringContaining('chmod 600'),
    });
    await chmod(path, 0o600);
    await writeFile(path, 'c2hvcnQ=\n');
    await expect(load()).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
});

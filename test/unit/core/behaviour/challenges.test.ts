import { describe, expect, test } from '@jest/globals';
import { makeChallenges } from '../../../../src/core/behaviour/challenges.ts';
import { drawsFrom } from '../../../../src/core/behaviour/draws.ts';
import { toHex } from '../../../../src/core/bytes.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { pictures } from './fixture.ts';

const seed = (byte: number) => new Uint8Array(32).fill(byte);

describe('draws from a seed', () => {
  test('are the words of SHA-256(seed ‖ counter)', () => {
    const draw = drawsFrom(sha256, seed(1));
    const counter = (last: number) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, last]);
    const words = [0, 1].flatMap((block) => {
      const hash = Buffer.from(sha256(seed(1), counter(block)));
      return Array.from({ length: 8 }, (_, i) => hash.readUInt32BE(4 * i));
    });
    expect(words.map(() => draw(2 ** 32))).toEqual(words);
  });

  test('are even below any bound', () => {
    const draw = drawsFrom(sha256, seed(2));
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 7000; i++) counts[draw(7)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('challenges', () => {
  test('follow from the seed alone, byte for byte', () => {
    const { pixels, ...rest } = makeChallenges(sha256, seed(3), pictures(), 100);
    expect(rest).toEqual({ count: 100, height: 2, width: 2 });
    expect(makeChallenges(sha256, seed(3), pictures(), 100).pixels).toEqual(pixels);
    expect(makeChallenges(sha256, seed(4), pictures(), 100).pixels).not.toEqual(pixels);
    // As a program in Python makes them. Whoever changes how they are made gives the scheme another name, or records made before open nothing.
    expect(toHex(sha256(pixels))).toBe('9390259ac4ffa0a13c492d7411675edda4d781c7cdc027276a9231715160c1e4');
  });

  test('begin alike, however many are asked for', () => {
    const few = makeChallenges(sha256, seed(3), pictures(), 100).pixels;
    expect(makeChallenges(sha256, seed(3), pictures(), 300).pixels.subarray(0, few.length)).toEqual(few);
  });

  test('mix two pictures of different classes, in shares between a quarter and three quarters', () => {
    const { pixels, labels } = pictures();
    const mixed = makeChallenges(sha256, seed(5), pictures(), 500).pixels;
    const possible = new Set<string>();
    for (let a = 0; a < labels.length; a++) {
      for (let b = 0; b < labels.length; b++) {
        if (labels[a] === labels[b]) continue;
        for (let share = 64; share <= 192; share++) {
          const at = (i: number) => (pixels[4 * a + i]! * (256 - share) + pixels[4 * b + i]! * share + 128) >> 8;
          possible.add([0, 1, 2, 3].map(at).join());
        }
      }
    }
    for (let i = 0; i < 500; i++) expect(possible).toContain(mixed.subarray(4 * i, 4 * i + 4).join());
  });

  test('need two classes', () => {
    const alike = { ...pictures(), labels: new Uint8Array(60) };
    expect(() => makeChallenges(sha256, seed(6), alike, 100)).toThrow(
      expect.objectContaining({ code: 'dataset_malformed', field: 'dataset' }),
    );
  });
});

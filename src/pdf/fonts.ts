/**
 * The fonts of a document: Noto Sans for Latin, Greek, Cyrillic and Devanagari, Noto Sans SC for Chinese (both OFL). They
 * come in a hundred files by ranges of characters, each with all weights. Of those that a document needs, the glyphs that
 * it needs are cut out, at two weights.
 *
 * A character that no file has is printed as its code point: a name must never lose a part without a trace.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Font } from 'fontkit';
import { create } from 'fontkit';
import subsetFont from 'subset-font';

const require = createRequire(import.meta.url);
const FAMILIES = ['noto-sans', 'noto-sans-sc'];
const WEIGHTS = { regular: 400, bold: 700 } as const;
export type Weight = keyof typeof WEIGHTS;

/** Text in one font. */
export interface Run {
  readonly text: string;
  readonly font: string;
}

export interface Fonts {
  /** By name, to be registered with the document */
  readonly all: ReadonlyMap<string, Buffer>;
  /** The text as the fonts have it, cut where the font changes */
  runs(text: string, weight: Weight): Run[];
}

/** @param texts all that the document will say */
export async function fontsFor(texts: Iterable<string>): Promise<Fonts> {
  const characters = new Set([...texts, NO_GLYPH].flatMap((text) => [...text]));
  const byCharacter = new Map<string, string>();
  const all = new Map<string, Buffer>();
  for (const { path, name, ranges } of await readFiles()) {
    const wanted = [...characters].filter((each) => !byCharacter.has(each) && isAmong(ranges, each));
    if (wanted.length === 0) continue;
    const whole = await readFile(path);
    // A range is what a file may have.
    const { characterSet } = create(whole) as Font;
    const had = wanted.filter((each) => characterSet.includes(each.codePointAt(0)!)).sort();
    if (had.length === 0) continue;
    for (const each of had) byCharacter.set(each, name);
    for (const [weight, wght] of Object.entries(WEIGHTS)) {
      const options = { targetFormat: 'sfnt', variationAxes: { wght } } as const;
      all.set(`${name} ${weight}`, await subsetFont(whole, had.join(''), options));
    }
  }
  return { all, runs: (text, weight) => runsOf(byCharacter, text, weight) };
}

/** Characters with which the code point of any other can be written. */
const NO_GLYPH = '[U+0123456789ABCDEF]';

function runsOf(byCharacter: ReadonlyMap<string, string>, text: string, weight: Weight): Run[] {
  const runs: { text: string; font: string }[] = [];
  for (const character of text) {
    const shown = byCharacter.has(character) ? character : codePointOf(character);
    for (const each of shown) {
      const font = `${byCharacter.get(each)!} ${weight}`;
      const last = runs.at(-1);
      if (last?.font === font) last.text += each;
      else runs.push({ text: each, font });
    }
  }
  return runs;
}

const codePointOf = (character: string): string =>
  `[U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`;

interface FontFile {
  readonly name: string;
  readonly path: string;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** In the order in which they are asked: alphabets first, then the Chinese characters. */
async function readFiles(): Promise<FontFile[]> {
  const files: FontFile[] = [];
  for (const family of FAMILIES) {
    const pathOf = (file: string) => require.resolve(`@fontsource-variable/${family}/${file}`);
    const declared = JSON.parse(await readFile(pathOf('unicode.json'), 'utf8')) as Record<string, string>;
    for (const [range, codes] of Object.entries(declared)) {
      const name = `${family}-${range.replace(/[[\]]/g, '')}`;
      files.push({ name, path: pathOf(`files/${name}-wght-normal.woff2`), ranges: codes.split(',').map(rangeOf) });
    }
  }
  return files;
}

function rangeOf(text: string): readonly [number, number] {
  const [from, to = from] = text.slice('U+'.length).split('-') as [string, string?];
  return [parseInt(from, 16), parseInt(to, 16)];
}

function isAmong(ranges: FontFile['ranges'], character: string): boolean {
  const code = character.codePointAt(0)!;
  return ranges.some(([from, to]) => code >= from && code <= to);
}

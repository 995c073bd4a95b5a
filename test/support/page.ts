/** Pages of the documentation as tests run them: blocks of commands, and of what they show. */

export interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

export const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^```([a-z ]+)\n(.*?)\n```$/gms)].map(([, language, body]) => ({
    language: language!,
    lines: body!.replace(/ \\\n\s+/g, ' ').split('\n'),
  }));

/** The words of a command, as a shell would take them; files are where `path` says. */
export const wordsOf = (line: string, path: (name: string) => string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].slice(1).map(([, quoted, plain]) => {
    const word = quoted ?? plain!;
    const [, at = '', named, folder = named] =
      /^(@?)(?:([\w-]+\.(?:safetensors|pdf|json|jwt|key|txt))|\.\/([\w-]+))$/.exec(word) ?? [];
    return folder === undefined ? word : at + path(folder);
  });

/** The id of each kind that was printed last: `grant_0123…` in a command stands for it. */
export class LastIds {
  readonly #made = new Map<string, string>();

  /** @param of several of a kind, the first is that of the thing itself, where it names others of its kind */
  remember(said: string, of: 'first' | 'last' = 'last'): void {
    const found = [...said.matchAll(/\b([a-z]+)_[0-9a-hjkmnp-tv-z]{26}\b/g)];
    for (const [id, kind] of of === 'first' ? found.reverse() : found) this.#made.set(kind!, id);
  }

  /** @returns undefined for a word that is no such id */
  kindOf(word: string): string | undefined {
    return /^([a-z]+)_0123…$/.exec(word)?.[1];
  }

  resolve(word: string): string {
    const kind = this.kindOf(word);
    return kind === undefined ? word : this.#made.get(kind)!;
  }
}

/** Whether some line shows these columns in this order. */
export const shows = (said: string, columns: string): boolean => {
  const pattern = new RegExp(
    columns
      .split(/ {2,}/)
      .map((each) => each.replace(/[/().]/g, '\\$&'))
      .join('\\s+'),
  );
  return said.split('\n').some((line) => pattern.test(line));
};

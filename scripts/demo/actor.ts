/** Somebody in the demo's story: a folder of their own, and the command line that every user has. */
import { run } from '../../src/cli/program.ts';

export interface Outcome<T> {
  code: number;
  /** What `--json` printed. */
  value: T;
}

export class Actor {
  constructor(
    private readonly home: string,
    private readonly url: string,
    /** Progress, where somebody watches it. */
    private readonly progress: { watched: boolean; note(text: string): void },
    private readonly signal: AbortSignal,
  ) {}

  /** Runs one command line. */
  async try<T>(...argv: string[]): Promise<Outcome<T>> {
    let out = '';
    let notes = '';
    this.signal.throwIfAborted();
    const code = await run([...argv, '--json'], {
      env: { MUNIMENT_HOME: this.home, MUNIMENT_URL: this.url, MUNIMENT_LOG_LEVEL: 'error' },
      out: (text) => (out += text),
      note: (text) => (argv[0] === 'train' ? this.progress.note(text) : (notes += text)),
      watched: this.progress.watched && argv[0] === 'train',
      input: () => Promise.resolve(''),
      onInterrupt: (handler) => {
        this.signal.addEventListener('abort', handler);
        return () => this.signal.removeEventListener('abort', handler);
      },
    });
    this.signal.throwIfAborted();
    if (out === '') throw new Error(`"muniment ${argv.join(' ')}" printed nothing.\n${notes}`);
    return { code, value: JSON.parse(out) as T };
  }

  /** Runs one command line that has to succeed. */
  async do<T>(...argv: string[]): Promise<T> {
    const { code, value } = await this.try<T & { detail?: string }>(...argv);
    if (code === 0) return value;
    throw new Error(`"muniment ${argv.join(' ')}" ended with ${code}: ${value.detail ?? JSON.stringify(value)}`);
  }
}

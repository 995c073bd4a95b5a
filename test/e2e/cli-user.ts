/** Users of the built command line, each with a folder of their own, and files for them to register. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../unit/cli/support.ts';
import { runBuilt } from '../support/server.ts';

export interface Said<T = Record<string, unknown>> {
  code: number | null;
  value: T;
  stderr: string;
}

export class Users {
  private constructor(
    readonly folder: string,
    private readonly url: string,
  ) {}

  static async at(url: string): Promise<Users> {
    return new Users(await mkdtemp(join(tmpdir(), 'muniment-users-')), url);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  env(user: string): Record<string, string> {
    return { MUNIMENT_HOME: this.path(user), MUNIMENT_URL: this.url };
  }

  /** Runs the built program as a process, with `--json`; its output must be exactly one document. */
  async run<T = Record<string, unknown>>(user: string, ...argv: string[]): Promise<Said<T>> {
    const { code, stdout, stderr } = await runBuilt(['src/cli/main.js', ...argv, '--json'], this.env(user));
    return { code, value: JSON.parse(stdout) as T, stderr };
  }

  /** The same inside the test's process, against any server. */
  async runHere<T = Record<string, unknown>>(user: string, url: string, ...argv: string[]): Promise<Said<T>> {
    const { code, out, notes } = await runCli([...argv, '--json'], { ...this.env(user), MUNIMENT_URL: url });
    return { code, value: JSON.parse(out) as T, stderr: notes };
  }

  /** As `run`, and it has to succeed. */
  async do<T = Record<string, unknown>>(user: string, ...argv: string[]): Promise<T> {
    const { code, value, stderr } = await this.run<T>(user, ...argv);
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${JSON.stringify(value)} ${stderr}`);
    return value;
  }

  /** A party with an API key, logged in. */
  async join(registrar: string, user: string, name: string): Promise<string> {
    const { party } = await this.do<{ party: string }>(
      registrar,
      'party',
      'create',
      name,
      '--api-key-file',
      this.path(`${user}.key`),
    );
    await this.do(user, 'login', '--api-key', `@${this.path(`${user}.key`)}`);
    return party;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** A safetensors file with one tensor. */
export async function writeModel(path: string, values: number[], tensor = 'dense.weight'): Promise<void> {
  const header = JSON.stringify({
    [tensor]: { dtype: 'F32', shape: [values.length], data_offsets: [0, 4 * values.length] },
  });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const data = Buffer.from(Float32Array.from(values).buffer);
  await writeFile(path, Buffer.concat([length, Buffer.from(padded), data]));
}

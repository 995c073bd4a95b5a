/**
 * A program in the place of `pkcs11-tool` that says what a test makes it say: for tokens that are hostile, locked or
 * broken as no software token can be made to be. What it prints was recorded from OpenSC 0.23 with SoftHSM 2.6.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Answer {
  out?: string | Buffer;
  error?: string;
}

export interface Called {
  args: string[];
  pin: string | undefined;
}

export class FakeTool {
  private constructor(readonly folder: string) {}

  static async in(home: string): Promise<FakeTool> {
    const tool = new FakeTool(join(home, 'fake'));
    await mkdir(tool.folder, { recursive: true });
    const program = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const folder = ${JSON.stringify(tool.folder)};
const args = process.argv.slice(2);
const { MUNIMENT_PKCS11_PIN: pin, ...others } = process.env;
appendFileSync(folder + '/calls', JSON.stringify({ args, pin, env: Object.keys(others) }) + '\\n');
const kind = ['list-token-slots', 'list-objects', 'keypairgen', 'sign'].find((name) => args.includes('--' + name));
const answer = JSON.parse(readFileSync(folder + '/answers', 'utf8'))[kind] ?? {};
process.stdout.write(Buffer.from(answer.out ?? '', 'base64'));
process.stderr.write(answer.error ?? '');
process.exitCode = answer.error === undefined ? 0 : 1;
`;
    await writeFile(join(tool.folder, 'pkcs11-tool'), program);
    await chmod(join(tool.folder, 'pkcs11-tool'), 0o755);
    return tool;
  }

  async answer(answers: Record<string, Answer>): Promise<void> {
    const encoded = Object.entries(answers).map(([kind, { out = '', error }]) => [
      kind,
      { out: Buffer.from(out).toString('base64'), error },
    ]);
    await writeFile(join(this.folder, 'answers'), JSON.stringify(Object.fromEntries(encoded)));
    await writeFile(join(this.folder, 'calls'), '');
  }

  async calls(): Promise<(Called & { env: string[] })[]> {
    const lines = (await readFile(join(this.folder, 'calls'), 'utf8')).trimEnd().split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Called & { env: string[] });
  }
}

export const tokens = (...slots: { token?: string; serial?: string; flags?: string }[]): Answer => ({
  out: `Available slots:\n${slots
    .map(
      ({ token = 'acme hsm', serial = '6e5f97d21fc67e59', flags = '' }, i) =>
        `Slot ${i} (0x1fc67e5${i}): SoftHSM slot ID 0x1fc67e5${i}
  token label        : ${token}
  token manufacturer : SoftHSM project
  token model        : SoftHSM v2
  token flags        : login required, rng, token initialized, PIN initialized${flags}, other flags=0x20
  hardware version   : 2.6
  firmware version   : 2.6
  serial num         : ${serial}
  pin min/max        : 4/255
`,
    )
    .join('')}Slot 9 (0x9): SoftHSM slot ID 0x9\n  token state:   uninitialized\n`,
});

export const publicKey = (point: string, { id = '0a0b', label = 'k1', curve = '06082a8648ce3d030107' } = {}) =>
  `Public Key Object; EC  EC_POINT 256 bits
  EC_POINT:   ${point}
  EC_PARAMS:  ${curve}
  label:      ${label}
  ID:         ${id}
  Usage:      verify
  Access:     local
`;

export const privateKey = (access: string, id = '0a0b') =>
  `Private Key Object; EC
  label:      k1
  ID:         ${id}
  Usage:      sign
  Access:     ${access}
`;

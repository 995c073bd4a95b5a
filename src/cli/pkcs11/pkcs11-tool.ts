/**
 * OpenSC's `pkcs11-tool` as the way to a token: a process of its own loads the vendor's library, one login a call. The PIN
 * reaches it through an environment variable, which other users cannot see as they see arguments, and nothing else of
 * Muniment's environment does. A token locks itself after a few wrong PINs, so one that was refused is never tried again.
 *
 * A token that somebody plugs in may bear any name and list any key: what it signs is checked by whoever calls, under the
 * public key that is expected.
 */
import { spawnSync } from 'node:child_process';
import { RegistryError } from '../../core/errors.ts';

export interface TokenInfo {
  /** `0x…`: CK_SLOT_ID, valid while nothing is plugged in or out */
  readonly slot: string;
  readonly token: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** As the tool words them, e.g. `user PIN count low`. */
  readonly flags: readonly string[];
}

export interface TokenObject {
  readonly kind: 'public' | 'private';
  /** `EC`, `RSA` … */
  readonly type: string;
  readonly object: string;
  /** Lower-case hex; empty where it has none */
  readonly id: string;
  /** Lower-case hex of CKA_EC_PARAMS and CKA_EC_POINT (public EC keys) */
  readonly curve: string;
  readonly point: string;
  /** As the tool words it, e.g. `sensitive`, `never extractable`. */
  readonly access: readonly string[];
}

const TOOL = 'pkcs11-tool';
const PIN_VARIABLE = 'MUNIMENT_PKCS11_PIN';
/** Somebody may have to touch the token. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 4 * 1024 * 1024;

export class Pkcs11Tool {
  #refused: RegistryError | undefined;

  /** @param module absolute path of the token's library */
  constructor(
    private readonly module: string,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  /** @throws RegistryError `pkcs11_tool_missing`, `pkcs11_module_missing`, `pkcs11_failed` */
  tokens(): TokenInfo[] {
    return parseTokens(this.#run(['--list-token-slots']).toString('utf8'));
  }

  /** The keys that can be seen: all with a PIN, mostly the public ones without. */
  keys({ slot }: TokenInfo, pin?: string): TokenObject[] {
    return parseObjects(this.#run(['--slot', slot, '--list-objects'], pin).toString('utf8'));
  }

  /** A P-256 key pair of which the private half never leaves the token. */
  makeKey({ slot }: TokenInfo, pin: string, { object, id }: { object: string | undefined; id: string }): void {
    const name = [`--id=${id}`, ...(object === undefined ? [] : [`--label=${object}`])];
    const kind = ['--keypairgen', '--key-type=EC:prime256v1', '--usage-sign', '--sensitive'];
    this.#run(['--slot', slot, ...kind, ...name], pin);
  }

  /** @returns r and s, one after the other */
  sign({ slot }: TokenInfo, pin: string, { object, id }: Pick<TokenObject, 'object' | 'id'>, digest: Buffer): Buffer {
    const name = id === '' ? `--label=${object}` : `--id=${id}`;
    return this.#run(['--slot', slot, '--sign', '--mechanism=ECDSA', name], pin, digest);
  }

  #run(args: readonly string[], pin?: string, input: Buffer = Buffer.alloc(0)): Buffer {
    if (pin !== undefined && this.#refused !== undefined) throw this.#refused;
    const login = pin === undefined ? [] : ['--login', '--pin', `env:${PIN_VARIABLE}`];
    const foreign = Object.entries(this.env).filter(([name]) => !name.startsWith('MUNIMENT_'));
    const { status, stdout, stderr, error } = spawnSync(TOOL, ['--module', this.module, ...login, ...args], {
      env: { ...Object.fromEntries(foreign), ...(pin === undefined ? {} : { [PIN_VARIABLE]: pin }) },
      input,
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT,
      windowsHide: true,
    });
    if (error !== undefined) throw notRun(error);
    if (status === 0) return stdout;
    const failed = failure(stderr.toString('utf8'), this.module);
    if (failed.code === 'pkcs11_pin_refused') this.#refused = failed;
    throw failed;
  }
}

/** `pkcs11-tool --list-token-slots`; a slot whose token was never initialized has no name and is left out. */
export function parseTokens(text: string): TokenInfo[] {
  return blocks(text).flatMap(({ head, fields }) => {
    const slot = /^Slot \d+ \((0x[0-9a-f]+)\)/.exec(head)?.[1];
    const token = fields.get('token label');
    if (slot === undefined || token === undefined) return [];
    return {
      slot,
      token,
      manufacturer: fields.get('token manufacturer') ?? '',
      model: fields.get('token model') ?? '',
      serial: fields.get('serial num') ?? '',
      flags: listOf(fields.get('token flags')),
    };
  });
}

/** `pkcs11-tool --list-objects`: its keys. */
export function parseObjects(text: string): TokenObject[] {
  return blocks(text).flatMap(({ head, fields }) => {
    const [, kind, type] = /^(Public|Private) Key Object; (\S+)/.exec(head) ?? [];
    if (kind === undefined || type === undefined) return [];
    // Newer versions say the name of the curve behind its bytes.
    const hex = (name: string) => /^[0-9a-f]*/.exec(fields.get(name) ?? '')?.[0] ?? '';
    return {
      kind: kind === 'Public' ? 'public' : 'private',
      type,
      object: fields.get('label') ?? '',
      id: hex('ID'),
      curve: hex('EC_PARAMS'),
      point: hex('EC_POINT'),
      access: listOf(fields.get('Access')),
    };
  });
}

/**
 * A line that begins at the margin, and the indented `name: value` lines under it. Control characters are left out: a
 * label is shown at a terminal, which would obey them.
 */
function blocks(text: string): { head: string; fields: Map<string, string> }[] {
  const found: { head: string; fields: Map<string, string> }[] = [];
  // eslint-disable-next-line no-control-regex
  for (const line of text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '').split('\n')) {
    const [, name, value = ''] = /^ +([^:]*[^: ]) *:(.*)$/.exec(line) ?? [];
    if (name !== undefined) found.at(-1)?.fields.set(name, value.trim());
    else if (/^\S/.test(line)) found.push({ head: line, fields: new Map() });
  }
  return found;
}

const listOf = (text = ''): string[] => text.split(',').map((item) => item.trim());

function notRun(error: NodeJS.ErrnoException): RegistryError {
  if (error.code === 'ENOENT') {
    return new RegistryError('pkcs11_tool_missing', `The program "${TOOL}" of OpenSC is not on the path.`, {
      field: 'key',
      fix: 'Install the package "opensc" (apt-get install opensc, dnf install opensc, brew install opensc).',
    });
  }
  const why = error.code === 'ETIMEDOUT' ? `did not answer in ${TIMEOUT_MS / 1000} seconds` : 'could not be asked';
  return new RegistryError('pkcs11_failed', `The token ${why}.`, { field: 'key', cause: error });
}

/** Only what is known is repeated of what the tool says: a vendor's library may print anything. */
function failure(said: string, module: string): RegistryError {
  const [reason = ''] = /\bCKR_[A-Z_]+/.exec(said) ?? [];
  const cause = new Error(said);
  if (reason === 'CKR_PIN_LOCKED') {
    return new RegistryError('pkcs11_pin_refused', 'The PIN of the token is locked.', {
      field: 'pin',
      fix: "Unlock it with the token's PUK or its security officer.",
      cause,
    });
  }
  if (/^CKR_PIN_(?:INCORRECT|INVALID|LEN_RANGE)$/.test(reason)) {
    return new RegistryError('pkcs11_pin_refused', 'The token refused the PIN, which was tried once.', {
      field: 'pin',
      fix: 'Make sure of it before you try again: a few wrong PINs lock the token.',
      cause,
    });
  }
  if (/^CKR_(?:TOKEN_NOT_PRESENT|DEVICE_REMOVED|SLOT_ID_INVALID)$/.test(reason)) {
    return new RegistryError('pkcs11_token_absent', 'The token was taken away.', { field: 'key', cause });
  }
  if (/^error: (?:private key|object) not found/im.test(said)) {
    return new RegistryError('pkcs11_key_absent', 'The private key is not in the token.', { field: 'key', cause });
  }
  if (said.includes('Failed to load pkcs11 module')) {
    return new RegistryError('pkcs11_module_missing', `The file "${module}" is no PKCS#11 library for this machine.`, {
      field: 'module',
      cause,
    });
  }
  return new RegistryError('pkcs11_failed', `The token failed${reason === '' ? '' : ` with ${reason}`}.`, {
    field: 'key',
    fix: `See what "${TOOL} --module ${module} --test --login" says.`,
    cause,
  });
}

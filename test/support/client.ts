/**
 * The API as tests speak it: plain HTTP, every answer looked at. A `Party` may hold a P-256 key of its own and then
 * signs statements as the command line does, from `core` alone. `Verifier` judges receipts and checkpoints offline,
 * with nothing but what `GET /v1/log` told it once.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64, toBase64 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { verifyConsistency } from '../../src/core/merkle/tree.ts';
import type { Checkpoint } from '../../src/core/note/checkpoint.ts';
import { openCheckpoint } from '../../src/core/note/checkpoint.ts';
import { ed25519Verifier, parseVerifierKey } from '../../src/core/note/note.ts';
import { possessionText } from '../../src/core/registry/key.ts';
import type { Kind, Spoken } from '../../src/core/registry/kind.ts';
import { signStatement } from '../../src/core/registry/sign.ts';
import type { Envelope } from '../../src/core/statement/dsse.ts';
import { formatEnvelope } from '../../src/core/statement/dsse.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { verifyReceipt } from '../../src/core/statement/receipt.ts';
import type { Common } from '../../src/core/statement/statement.ts';
import type { StatementKey } from '../../src/platform/crypto.ts';
import {
  makeP256,
  newId,
  newNonce,
  newStatementKey,
  sha256,
  statementKey,
  verifyEd25519,
  verifyP256,
} from '../../src/platform/crypto.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed JSON; undefined where the answer is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface LogIdentity {
  origin: string;
  verifierKey: string;
  registryParty: string;
  treeSize: number;
}

type Headings = Record<string, string>;
const JSON_TYPE = { 'content-type': 'application/json' };
const BYTES_TYPE = { 'content-type': 'application/octet-stream' };

export class Client {
  constructor(
    public url: string,
    readonly apiKey = '',
  ) {}

  get(path: string, headers: Headings = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }

  post(path: string, body: object, headers: Headings = {}): Promise<Answer> {
    return this.send('POST', path, JSON.stringify(body), { ...JSON_TYPE, ...headers });
  }

  put(path: string, bytes: Uint8Array | string, headers: Headings = BYTES_TYPE): Promise<Answer> {
    return this.send('PUT', path, bytes, headers);
  }

  /** The body of a successful `post`. */
  async made<T = Receipt>(path: string, body: object, headers: Headings = {}): Promise<T> {
    return succeeded<T>(`POST ${path}`, await this.post(path, body, headers));
  }

  /** The body of a successful `get`. */
  async read<T>(path: string): Promise<T> {
    return succeeded<T>(`GET ${path}`, await this.get(path));
  }

  async bytes(path: string): Promise<{ status: number; headers: Headers; bytes: Uint8Array }> {
    const response = await fetch(this.url + path, { headers: this.#credentials() });
    return {
      status: response.status,
      headers: response.headers,
      bytes: new Uint8Array(await response.arrayBuffer()),
    };
  }

  async send(method: string, path: string, body: Uint8Array | string | undefined, headers: Headings): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...this.#credentials(), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const json = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: json ? (JSON.parse(text) as unknown) : undefined,
    };
  }

  #credentials(): Headings {
    return this.apiKey === '' ? {} : { authorization: `Bearer ${this.apiKey}` };
  }
}

function succeeded<T>(what: string, { status, text, body }: Answer): T {
  if (status >= 300) throw new Error(`${what} answered ${status}: ${text}`);
  return body as T;
}

export interface PartyOptions {
  name?: string;
  /** Makes a P-256 key and registers its public half: from then on the registry signs for this party no more. */
  keyed?: boolean;
  scopes?: string[];
  roles?: 'auditor'[];
}

/** The registrar, by the key that the server left in its data folder. */
export class Operator extends Client {
  static async of(url: string, dataFolder: string): Promise<Operator> {
    return new Operator(url, (await readFile(join(dataFolder, 'registrar.key'), 'utf8')).trim());
  }

  async makeParty({ name = 'Ada', keyed = false, scopes, roles = [] }: PartyOptions = {}): Promise<Party> {
    const { id, statement } = await this.made('/v1/parties', { name, roles });
    const { key } = await this.made<{ key: string }>(`/v1/parties/${id}/api-keys`, scopes ? { scopes } : {});
    const { origin } = await this.read<LogIdentity>('/v1/log');
    const party = new Party(this.url, key, id, statement, origin);
    if (keyed) await party.registerKey();
    return party;
  }
}

export class Party extends Client {
  key: StatementKey | undefined;

  constructor(
    url: string,
    apiKey: string,
    readonly id: string,
    readonly statement: Digest,
    readonly origin: string,
  ) {
    super(url, apiKey);
  }

  /** The same party by another API key. */
  with(apiKey: string): Party {
    return Object.assign(new Party(this.url, apiKey, this.id, this.statement, this.origin), { key: this.key });
  }

  async registerKey(key = statementKey(makeP256().pkcs8)): Promise<Receipt> {
    const receipt = await this.made(`/v1/parties/${this.id}/keys`, this.possession(key));
    this.key = key;
    return receipt;
  }

  /** The body that registers a key: its public half, and the proof that this party can sign with it. */
  possession(key: StatementKey) {
    const proof = key.sign(possessionText(this.origin, this.id, key.keyId));
    return { spki: key.spki, fingerprint: key.keyId as Digest, possession: toBase64(proof) };
  }

  /** @param common what differs from an honest statement of this party about a new thing */
  signedWrite<Body>(
    kind: Kind<Body>,
    body: Body,
    basis: Digest[] = [],
    common: Partial<Common> = {},
    key = this.key,
    makeKey = newStatementKey,
  ): Envelope {
    if (key === undefined) throw new Error(`${this.id} has no key to sign with`);
    const signed = signStatement(
      sha256,
      kind,
      {
        origin: this.origin,
        maker: this.id,
        id: newId(kind.kind.replaceAll('-', '')),
        nonce: newNonce(),
        statedAt: new Date().toISOString(),
        basis,
        ...common,
      },
      body,
      key,
      makeKey,
    );
    return formatEnvelope(signed);
  }
}

/** What somebody who pinned a log's name and key can tell without asking anybody. */
export class Verifier {
  constructor(private readonly log: Pick<LogIdentity, 'origin' | 'verifierKey'>) {}

  /** @throws RegistryError unless the log's key signed the checkpoint */
  async checkpoint(note: string): Promise<Checkpoint> {
    const verifier = ed25519Verifier(sha256, parseVerifierKey(sha256, this.log.verifierKey), verifyEd25519);
    return (await openCheckpoint(note, this.log.origin, [verifier])).checkpoint;
  }

  /** @throws RegistryError unless statement, place and checkpoint hold */
  async receipt(receipt: Receipt): Promise<Spoken> {
    return verifyReceipt(sha256, verifyP256, receipt, await this.checkpoint(receipt.checkpoint));
  }

  /** Asks for the proof and judges it alone. @throws RegistryError unless the second log extends the first */
  async consistent(client: Client, first: Checkpoint, second: Checkpoint): Promise<void> {
    const { proof } = await client.read<{ proof: string[] }>(
      `/v1/log/consistency?first=${first.size}&second=${second.size}`,
    );
    verifyConsistency(sha256, {
      firstSize: first.size,
      firstRoot: first.root,
      secondSize: second.size,
      secondRoot: second.root,
      proof: proof.map(fromBase64),
    });
  }
}

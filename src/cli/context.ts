/** What a command gets to work with: settings, the server, the party it acts as, and one place for its result. */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { EndReason } from '../core/registry/key.ts';
import { Client } from './client.ts';
import type { ExitCode } from './exit-code.ts';
import { EXIT } from './exit-code.ts';
import type { Io } from './io.ts';
import type { OwnKey } from './own-key.ts';
import type { Flags, Settings } from './settings.ts';
import { resolveSettings } from './settings.ts';
import { printable } from './table.ts';

export interface PartyKeyView {
  fingerprint: Digest;
  publicKey: string;
  statement: Digest;
  recordedIndex: number;
  /** Null while the key is in force */
  revoked: { index: number; statement: Digest; reason: EndReason; successor: Digest | null } | null;
}

export interface PartyView {
  id: string;
  name: string | null;
  kind: string;
  roles: string[];
  /** The place at which others came in its place, and by what */
  ended: { index: number; succession: string } | null;
  nameCommitment: Digest;
  keys: PartyKeyView[];
  statement: Digest;
  recordedIndex: number;
}

export interface WhoAmI {
  party: PartyView;
  apiKeyId: string;
  scopes: string[];
  roles: string[];
}

export interface LogView {
  origin: string;
  verifierKey: string;
  registryParty: string;
  treeSize: number;
}

/** A party at a registry, with the key that it signs with where it has one. */
export interface Session {
  readonly client: Client;
  readonly me: WhoAmI;
  readonly log: LogView;
  /** The registered key found here; undefined for a party without one, for which the registry signs. */
  readonly key: OwnKey | undefined;
}

export class Context {
  exitCode: ExitCode = EXIT.done;
  #settings: Promise<Settings> | undefined;
  #session: Promise<Session> | undefined;

  constructor(
    readonly io: Io,
    private readonly flags: () => Flags,
  ) {}

  get json(): boolean {
    return this.flags().json === true;
  }

  settings(): Promise<Settings> {
    return (this.#settings ??= resolveSettings(this.flags(), this.io));
  }

  /** @param signal ends every call in flight */
  async client(signal?: AbortSignal): Promise<Client> {
    const { url, apiKey } = await this.settings();
    return new Client({ url, apiKey, signal });
  }

  /** @throws RegistryError `unauthenticated`, `signature_required`, `unreachable` */
  session(): Promise<Session> {
    return (this.#session ??= this.#openSession());
  }

  /** The command's result: one JSON document with `--json`, else the text for people. */
  print(value: unknown, text: () => string): void {
    this.io.out(this.json ? `${JSON.stringify(value, null, 2)}\n` : printable(text()));
  }

  /** Something for a person beside the result; with `--json` too, since it goes to standard error. */
  note(sentence: string): void {
    this.io.note(`${printable(sentence)}\n`);
  }

  /** Ends with exit code 1 although there is a result. */
  refuse(): void {
    this.exitCode = EXIT.refused;
  }

  async #openSession(): Promise<Session> {
    const { apiKey, keyFile } = await this.settings();
    if (apiKey === undefined) {
      throw new RegistryError('unauthenticated', 'No API key is at hand for this server.', {
        fix: 'Run "muniment login", or set MUNIMENT_API_KEY.',
      });
    }
    const client = await this.client();
    const [me, log] = await Promise.all([client.get<WhoAmI>('/v1/whoami'), client.get<LogView>('/v1/log')]);
    return { client, me, log, key: await this.#ownKey(client, me, keyFile) };
  }

  async #ownKey(client: Client, { party, roles }: WhoAmI, keyFile: string | undefined): Promise<OwnKey | undefined> {
    // The registrar's statements are the registry's own, signed by its server.
    if (roles.includes('registrar')) return undefined;
    if (keyFile === undefined) {
      if (party.keys.length === 0) return undefined;
      throw new RegistryError(
        'signature_required',
        `The party ${party.name ?? party.id} signs with a key of its own.`,
        {
          field: 'key',
          fix: 'Name its file with --key or MUNIMENT_KEY.',
        },
      );
    }
    const { readKey } = await import('./keys.ts');
    const key = await readKey(keyFile, this.io);
    const registered = party.keys.find(({ fingerprint }) => fingerprint === key.keyId);
    if (registered !== undefined) {
      if (registered.revoked === null) return key;
      const { index, reason } = registered.revoked;
      throw new RegistryError('key_revoked', `The key in "${keyFile}" was ended by entry ${index} (${reason}).`, {
        field: 'key',
        fix: 'Name the file of a key in force with --key; "muniment keys list" shows which are.',
      });
    }
    const { requireNobodyElses } = await import('./keys.ts');
    await requireNobodyElses(client, party, keyFile, key.keyId);
    if (party.keys.length > 0) {
      throw new RegistryError('signature_required', `The key in "${keyFile}" is not registered for ${party.id}.`, {
        field: 'key',
        fix: 'Use the party\'s registered key, or register this one with it: "muniment keygen --register".',
      });
    }
    this.note(
      `The key in "${keyFile}" is not registered yet, so the registry signs in your name ("muniment keygen --register").`,
    );
    return undefined;
  }
}

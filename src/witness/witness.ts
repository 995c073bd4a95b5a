/**
 * A log witness, C2SP `tlog-witness`: it cosigns a checkpoint when the log has signed it and it extends the newest one
 * that it cosigned before. So of two trees that a log shows, it signs one and never the other.
 *
 * Requests of one log are judged one after the other, each against what the one before it left on disk; a cosignature
 * leaves only when what it says is on disk. A crash before that leaves a cosignature that nobody has seen, one after it
 * a checkpoint that is known already when the log asks again. Where writing failed, nobody knows what the disk holds, so
 * what was remembered is dropped and read again.
 */
import { equalBytes, utf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { OpenedCheckpoint } from '../core/note/checkpoint.ts';
import { openCheckpoint, parseCheckpoint } from '../core/note/checkpoint.ts';
import { cosignatureSigner, cosignatureVerifier, parseCosignature } from '../core/note/cosignature.ts';
import type { NoteSignature, NoteVerifier } from '../core/note/note.ts';
import { ed25519Verifier, formatNote, formatSignatures, openNote, parseNote } from '../core/note/note.ts';
import { judgeAdvance, parseAddCheckpoint } from '../core/note/tlog-witness.ts';
import { COSIGNATURE, parseVerifierKey } from '../core/note/verifier-key.ts';
import type { Trust } from '../core/trust/index.ts';
import { sha256, verifyEd25519 } from '../platform/crypto.ts';
import { takeOwnerLock } from '../platform/database/owner-lock.ts';
import type { OwnerLock } from '../platform/database/owner-lock.ts';
import type { Log } from '../platform/logging/index.ts';
import { Memory } from './memory.ts';
import type { WitnessKey } from './witness-key.ts';

export interface WitnessOptions {
  /** Folder that this witness alone uses. */
  readonly folder: string;
  readonly key: WitnessKey;
  /** The logs that it cosigns. */
  readonly logs: Trust;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Answer =
  | { readonly status: 200; readonly lines: string }
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422; readonly reason: string };

/** What was cosigned last. */
interface Last {
  readonly size: number;
  readonly root: Uint8Array;
  /** Seconds since 1970, as cosigned. */
  readonly time: number;
  readonly note: string;
}

export class Witness {
  readonly #logs: ReadonlyMap<string, NoteVerifier>;
  readonly #own: NoteVerifier;
  /** Missing for a log whose file has to be read first. */
  readonly #remembered = new Map<string, Last | undefined>();
  readonly #turns = new Map<string, Promise<unknown>>();

  private constructor(
    private readonly options: WitnessOptions,
    private readonly memory: Memory,
    private readonly lock: OwnerLock,
  ) {
    this.#logs = new Map(
      options.logs.logs.map(({ origin, verifierKey }) => [
        origin,
        ed25519Verifier(sha256, parseVerifierKey(sha256, verifierKey), verifyEd25519),
      ]),
    );
    const { name, publicKey } = options.key;
    this.#own = cosignatureVerifier(sha256, { name, algorithm: COSIGNATURE, publicKey }, verifyEd25519);
  }

  /**
   * @throws RegistryError `state_conflict` when another process uses the folder, `configuration_invalid` for a key that
   * is a log's, `ledger_inconsistent` for a damaged memory
   */
  static async open(options: WitnessOptions): Promise<Witness> {
    refuseLogKeys(options);
    const memory = await Memory.open(options.folder);
    const taken = await takeOwnerLock(options.folder);
    if (!('lock' in taken)) {
      throw new RegistryError('state_conflict', `Process ${taken.heldBy} is a witness on this folder already.`, {
        field: 'data',
        fix: 'Stop it first, or name another folder for a witness with another key.',
      });
    }
    const witness = new Witness(options, memory, taken.lock);
    try {
      for (const origin of witness.#logs.keys()) await witness.#last(origin);
      return witness;
    } catch (error) {
      await taken.lock.release();
      throw error;
    }
  }

  /** The logs with the size of what was cosigned last, 0 for none. */
  async sizes(): Promise<{ origin: string; size: number }[]> {
    return Promise.all(
      [...this.#logs.keys()].map(async (origin) => ({ origin, size: (await this.#last(origin))?.size ?? 0 })),
    );
  }

  /** @param body of a request `add-checkpoint`, from anybody */
  async addCheckpoint(body: string): Promise<Answer> {
    let request: ReturnType<typeof parseAddCheckpoint>;
    try {
      request = parseAddCheckpoint(body);
    } catch (error) {
      return { status: 400, reason: reasonOf(error) };
    }
    const origin = request.checkpoint.slice(0, request.checkpoint.indexOf('\n'));
    const verifier = this.#logs.get(origin);
    if (verifier === undefined) return { status: 404, reason: 'This witness does not know the log.' };
    let opened: OpenedCheckpoint;
    try {
      opened = await openCheckpoint(request.checkpoint, origin, [verifier]);
    } catch (error) {
      return { status: 403, reason: reasonOf(error) };
    }
    return this.#inTurn(origin, () => this.#judge(origin, opened, request));
  }

  /** Waits for the requests in flight and gives the folder up. */
  async close(): Promise<void> {
    await Promise.all(this.#turns.values());
    await this.lock.release();
  }

  async #judge(
    origin: string,
    { checkpoint: next, text, verified }: OpenedCheckpoint,
    request: ReturnType<typeof parseAddCheckpoint>,
  ): Promise<Answer> {
    const last = await this.#last(origin);
    const advance = judgeAdvance(sha256, last, next, request);
    switch (advance.outcome) {
      case 'size_invalid':
        return { status: 400, reason: 'The old size is larger than that of the checkpoint.' };
      case 'conflict':
        if (last !== undefined && last.size === next.size && !equalBytes(last.root, next.root)) {
          this.#tellFork(last, request.checkpoint, 'The log has signed two trees of one size.');
        }
        return { status: 409, size: advance.size };
      case 'proof_invalid':
        if (last !== undefined)
          this.#tellFork(
            last,
            request.checkpoint,
            'The log shows a tree without a proof that it extends the last one.',
          );
        return { status: 422, reason: 'The consistency proof does not lead from the old tree to the new one.' };
      case 'cosign': {
        const cosigned = await this.#cosign(text, last);
        if (last?.size !== next.size) await this.#keep(origin, formatNote(text, [...verified.slice(0, 1), cosigned]));
        return { status: 200, lines: formatSignatures([cosigned]) };
      }
    }
  }

  /** A clock that was put back does not make the witness contradict what it said of an earlier tree. */
  async #cosign(text: string, last: Last | undefined): Promise<NoteSignature> {
    const { name, publicKey, sign } = this.options.key;
    const time = Math.max(Math.floor(this.options.now() / 1000), last?.time ?? 0);
    const signer = cosignatureSigner(sha256, name, publicKey, sign, time);
    return { name, keyId: signer.keyId, signature: await signer.sign(utf8(text)) };
  }

  async #keep(origin: string, note: string): Promise<void> {
    this.#remembered.delete(origin);
    await this.memory.keep(origin, note);
    this.#remembered.set(origin, await this.#parse(origin, note));
  }

  async #last(origin: string): Promise<Last | undefined> {
    if (!this.#remembered.has(origin)) {
      const note = await this.memory.read(origin);
      this.#remembered.set(origin, note === undefined ? undefined : await this.#parse(origin, note));
    }
    return this.#remembered.get(origin);
  }

  /** The log's key may have changed since; the witness's own signature is what makes the file its own. */
  async #parse(origin: string, note: string): Promise<Last> {
    try {
      const { checkpoint, verified } = await openCosigned(note, origin, this.#own);
      return { size: checkpoint.size, root: checkpoint.root, time: parseCosignature(verified.signature).time, note };
    } catch (cause) {
      throw new RegistryError(
        'ledger_inconsistent',
        `What the witness remembers of "${origin}" is damaged, or another witness's: ${this.memory.pathOf(origin)}.`,
        { fix: 'Restore the file; without it, this key must cosign that log no more.', cause },
      );
    }
  }

  #tellFork(last: Last, shown: string, sentence: string): void {
    this.options.log.warn({ cosigned: last.note, shown }, sentence);
  }

  /** One at a time for each log, in the order of arrival. */
  #inTurn<Result>(origin: string, action: () => Promise<Result>): Promise<Result> {
    const done = (this.#turns.get(origin) ?? Promise.resolve()).then(action);
    this.#turns.set(
      origin,
      done.catch(() => undefined),
    );
    return done;
  }
}

async function openCosigned(note: string, origin: string, own: NoteVerifier) {
  const { text, signatures } = parseNote(note);
  const cosigned = signatures.filter(({ name, keyId }) => name === own.name && keyId === own.keyId);
  const { verified } = await openNote(formatNote(text, cosigned), [own]);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== origin) throw new RegistryError('malformed_note', 'The checkpoint is of another log.');
  return { checkpoint, verified: verified[0]! };
}

function refuseLogKeys({ key, logs }: WitnessOptions): void {
  for (const { origin, verifierKey } of logs.logs) {
    if (!equalBytes(parseVerifierKey(sha256, verifierKey).publicKey, key.publicKey) && origin !== key.name) continue;
    throw new RegistryError(
      'configuration_invalid',
      `The key or the name of the witness is that of the log "${origin}".`,
      {
        field: 'key',
        fix: 'A witness needs a key and a name of its own.',
      },
    );
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RegistryError) return error.message;
  throw error;
}

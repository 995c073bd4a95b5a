/** A log whose operator may show any tree: what witnesses and their askers are tried with. */
import { appendLeaves } from '../../src/core/merkle/append.ts';
import { proveConsistencyFrom } from '../../src/core/merkle/proof.ts';
import { tileKey } from '../../src/core/merkle/tile.ts';
import { leafHash, rootOf } from '../../src/core/merkle/tree.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { formatCheckpoint } from '../../src/core/note/checkpoint.ts';
import { ED25519, formatVerifierKey, signNote } from '../../src/core/note/note.ts';
import { formatAddCheckpoint } from '../../src/core/note/tlog-witness.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { party } from '../unit/core/note/fixture.ts';

export class ShownLog {
  readonly #party;
  readonly verifierKey: string;

  /** @param seed makes the key */
  constructor(
    readonly origin = 'shown.example/log',
    seed = 1,
  ) {
    this.#party = party(origin, seed);
    this.verifierKey = formatVerifierKey(sha256, origin, ED25519, this.#party.publicKey);
  }

  /** The leaves of a branch: entries below `from` are those that all branches share. */
  leaves(size: number, branch = 'main', from = 0): Uint8Array[] {
    return Array.from({ length: size }, (_, i) => leafHash(sha256, utf8(`${i < from ? 'main' : branch} ${i}`)));
  }

  checkpoint(size: number, branch = 'main', from = 0): Promise<string> {
    const root = rootOf(sha256, this.leaves(size, branch, from));
    return signNote(formatCheckpoint({ origin: this.origin, size, root }), [this.#party.signer]);
  }

  /** The body of a request, with the proof that leads from `oldSize` to `size` on that branch. */
  async request(oldSize: number, size: number, branch = 'main', from = 0): Promise<string> {
    const { tiles } = appendLeaves(sha256, 0, new Map(), this.leaves(size, branch, from));
    const byKey = new Map(tiles.map((tile) => [tileKey(tile), tile.bytes]));
    const proof = oldSize > size ? [] : proveConsistencyFrom(sha256, oldSize, size, byKey);
    return formatAddCheckpoint({ oldSize, proof, checkpoint: await this.checkpoint(size, branch, from) });
  }
}

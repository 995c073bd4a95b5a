/** What a party signs with, wherever the private half lies. */
import type { StatementKey } from '../platform/crypto.ts';

export interface OwnKey extends StatementKey {
  /** To be called before the first signature where there is one: it asks for a PIN. */
  readonly unlock?: () => Promise<void>;
}

/** A key with its file, or its PKCS#11 URI. */
export interface NamedKey {
  readonly name: string;
  readonly key: OwnKey;
}

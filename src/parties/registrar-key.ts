/**
 * The first API key of a new registry. Its secret goes into a file that only the operator may read; what is printed is
 * the file's path.
 */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { utf8 } from '../core/bytes.ts';
import { formatDigest } from '../core/digest.ts';
import { apiKey } from '../core/registry/index.ts';
import { holding, Ledger } from '../ledger/index.ts';
import { AuthenticatorRegistry, SCOPE_NAMES } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { newId, sha256 } from '../platform/crypto.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { API_KEY_KIND, ApiKeyAuthenticator, formatApiKey } from './api-key-authenticator.ts';
import { hasApiKey } from './party.store.ts';

const FIRST_KEY_LOCK = 0x6b657931;

export const registrarKeyFile = (data: string): string => join(data, 'registrar.key');

@Injectable()
export class RegistrarKey implements OnApplicationBootstrap {
  constructor(
    private readonly ledger: Ledger,
    private readonly config: Config,
    authenticators: AuthenticatorRegistry,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {
    authenticators.register(new ApiKeyAuthenticator(database.manager, () => new Date()));
  }

  async onApplicationBootstrap(): Promise<void> {
    await holding(this.database, FIRST_KEY_LOCK, async () => {
      if (await hasApiKey(this.database.manager, this.ledger.registryParty)) return;
      const id = newId(API_KEY_KIND);
      const secret = randomBytes(32).toString('hex');
      const file = registrarKeyFile(this.config.data);
      // Written before it counts: a crash in between leaves a key that opens nothing, never one that nobody knows.
      await writePrivate(file, `${formatApiKey(id, secret)}\n`);
      await this.ledger.attest(apiKey, {
        maker: this.ledger.registryParty,
        id,
        body: {
          party: this.ledger.registryParty,
          secretDigest: formatDigest(sha256(utf8(secret))),
          label: 'first key of the registrar',
          scopes: SCOPE_NAMES,
          expiresAt: null,
        },
      });
      this.log.info({ file }, `The registrar's API key is in ${file}.`);
    });
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

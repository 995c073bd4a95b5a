/**
 * The name under which this registry issues tokens: the public URL of the settings, else the address that the server
 * listens on. Never what a request says in `Host`: a caller would choose the issuer of his own token.
 */
import type { Server } from 'node:http';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RegistryError } from '../core/errors.ts';
import { Config } from '../platform/config/index.ts';

@Injectable()
export class Issuer {
  /** The address listened on, once that is known: it stays. */
  #url: string | undefined;

  constructor(
    private readonly config: Config,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** @throws RegistryError `configuration_invalid` where no public URL is set and no server listens */
  get url(): string {
    this.#url ??= this.config.publicUrl ?? this.#listened();
    return this.#url;
  }

  #listened(): string {
    const { host } = this.config;
    const address = (this.adapterHost.httpAdapter?.getHttpServer() as Server | undefined)?.address();
    if (address === null || address === undefined || typeof address === 'string') {
      throw new RegistryError('configuration_invalid', 'The issuer of license tokens is not known.', {
        field: 'MUNIMENT_PUBLIC_URL',
        fix: 'Set MUNIMENT_PUBLIC_URL to the address under which clients reach the server.',
      });
    }
    return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }
}

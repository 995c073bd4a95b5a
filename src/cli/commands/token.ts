/**
 * `muniment token`: license tokens. A licensee asks for one, whoever serves the model verifies it, online or without a
 * network, and the owner of the model ends it. A token is given as itself, as `@FILE`, or as `-` for standard input.
 */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { wholeNumberOf } from '../parse.ts';
import { readSecret } from '../settings.ts';
import { fields } from '../table.ts';
import type { TokenWish } from '../tokens.ts';

interface VerifyOptions {
  audience?: string;
  issuer?: string;
  offline?: boolean | string;
  jwks?: string;
  holderKey?: string;
  maxLifetime: number;
  maxStaleness: number;
}

export function define(program: Command, context: Context): void {
  const token = program.command('token').description('License tokens: issue, inspect, verify, revoke.');

  token
    .command('issue')
    .description('Get a token under a license that was granted to you.')
    .requiredOption('--grant <grant>', 'id of the license')
    .requiredOption('--audience <url>', 'who is to accept the token, e.g. the inference server')
    .option('--lifetime <seconds>', 'how long it is valid', wholeNumberOf)
    .option('--action <action...>', 'only for these; all that were granted where none is given')
    .option(
      '--holder-key <file>',
      'bind the token to this key, so that nobody uses it without; made where there is none',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment token issue --grant grant_0123… --audience https://inference.example.org > token',
    )
    .action(async (options: TokenWish) => {
      const { issueToken } = await import('../tokens.ts');
      const issued = await issueToken(context, options);
      context.print(issued, () => `${issued.access_token}\n`);
    });

  token
    .command('inspect')
    .description('Show what a token says, without judging whether it is true.')
    .argument('<token>', 'the token, @FILE, or - for standard input')
    .addHelpText('after', '\nExample:\n  $ muniment token inspect @token')
    .action(async (text: string) => {
      const { inspectToken } = await import('../tokens.ts');
      const { header, claims } = inspectToken(await readSecret(text, context.io));
      context.print({ verified: false, header, claims }, () =>
        describe(claims, ['verified', 'no ("muniment token verify")']),
      );
    });

  token
    .command('verify')
    .description(
      "Judge a token: online it is asked for at the registry, offline it is held to the registry's public keys.",
    )
    .argument('<token>', 'the token, @FILE, or - for standard input')
    .option(
      '--audience <url>',
      'who is about to accept it: yourself. Required offline; online the verdict says when it is missing',
    )
    .option('--issuer <url>', "the registry's address; --url where none is given")
    .option(
      '--offline [bundle]',
      'without a network: by a bundle ("token bundle"), or by the kept public keys, where no revocation can be seen',
    )
    .option('--jwks <file>', 'the public keys: a file, or "cached" for those kept from the last time online', 'cached')
    .option('--holder-key <file>', 'the key that the token is bound to: a bound token is valid for its holder only')
    .option('--max-lifetime <seconds>', 'refuse tokens that live longer', wholeNumberOf, 86_400)
    .option('--max-staleness <seconds>', 'refuse a bundle that is older', wholeNumberOf, 3600)
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment token verify @token --audience https://inference.example.org\n  $ muniment token verify @token --audience https://inference.example.org --offline bundle.json',
    )
    .action(async (text: string, options: VerifyOptions) => {
      const { verifyToken } = await import('../tokens.ts');
      const judged = await verifyToken(context, await readSecret(text, context.io), options);
      context.print(judged, () => describe(judged.claims, ['verdict', judged.verdict]));
    });

  token
    .command('bundle')
    .description('Keep what judges tokens without a network: the public keys and status lists of the registry.')
    .requiredOption('--out <file>', 'where to')
    .addHelpText('after', '\nExample:\n  $ muniment token bundle --out bundle.json')
    .action(async ({ out }: { out: string }) => {
      const { fetchBundle } = await import('../token-bundle.ts');
      const { issuer, statusLists } = await fetchBundle(context, out);
      const lists = Object.keys(statusLists).length;
      context.print({ issuer, lists, out }, () => `${out} judges the tokens of ${issuer} by ${lists} status lists.\n`);
    });

  token
    .command('revoke')
    .description('End one token, at once.')
    .argument('<token>', 'the token, @FILE, -, or its id (token_…)')
    .option('--reason <text>', 'why', '')
    .addHelpText('after', '\nExample:\n  $ muniment token revoke token_0123… --reason leaked')
    .action(async (text: string, { reason }: { reason: string }) => {
      const { revokeToken } = await import('../tokens.ts');
      const { jti, receipt } = await revokeToken(context, await readSecret(text, context.io), reason);
      context.print({ jti, receipt }, () => `The token ${jti} is revoked, on record as entry ${receipt.index}.\n`);
    });
}

/** What a token says may be of any type, as long as nobody has judged it. */
function describe(claims: object, last: readonly [string, string]): string {
  const { sub, aud, iss, jti, exp, cnf, authorization_details: details } = claims as Record<string, unknown>;
  const detail = memberOf(details, '0');
  const actions = memberOf(detail, 'actions');
  return fields([
    ['token', shown(jti)],
    ['licensee', shown(sub)],
    ['for', shown(aud)],
    ['from', shown(iss)],
    ['bound to key', shown(memberOf(cnf, 'jkt'))],
    ['model', shown(memberOf(memberOf(detail, 'model'), 'id'))],
    ['may', Array.isArray(actions) ? actions.map(shown).join(', ') : shown(actions)],
    ['until', isInstant(exp) ? new Date(exp * 1000).toISOString() : shown(exp)],
    last,
  ]);
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

const shown = (value: unknown): string | undefined => (typeof value === 'string' ? value : JSON.stringify(value));

/** Seconds since 1970 that a date can hold. */
const isInstant = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= 8_640_000_000_000;

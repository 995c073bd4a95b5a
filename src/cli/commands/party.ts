/**
 * `muniment party`: parties, their API keys, what they contributed and consumed, and how much they may. Parties and quotas
 * are made by the registrar; a party manages its own keys.
 */
import type { Command } from 'commander';
import type { Receipt } from '../../core/statement/receipt.ts';
import type { Context, PartyKeyView, PartyView, Session } from '../context.ts';
import type { EraseOptions } from '../erase.ts';
import { findParty } from '../find.ts';
import type { Client } from '../client.ts';
import { instantOf, limitOf, wholeNumberOf } from '../parse.ts';
import { requireWritable, writeNew } from '../profile.ts';
import { columns, count, fields } from '../table.ts';
import type { ComputeView, ContributionView, QuotaView } from '../views.ts';

interface CreateOptions {
  person?: boolean;
  auditor?: boolean;
  apiKeyFile?: string;
}

interface KeyOptions {
  label: string;
  scope?: string[];
  expires?: string;
  out?: string;
}

export function define(program: Command, context: Context): void {
  const party = program.command('party').description('People and organizations, and their API keys.');

  party
    .command('create')
    .description('Add a party and make its first API key (registrar).')
    .argument('<name>', 'its name; kept apart from the permanent record, so that it can be erased')
    .option('--person', 'a person rather than an organization')
    .option('--auditor', 'may read everything and write nothing')
    .option('--api-key-file <file>', 'write the API key there (mode 0600) instead of printing it')
    .addHelpText('after', '\nExample:\n  $ muniment party create "Acme Labs" --api-key-file acme.key')
    .action(async (name: string, options: CreateOptions) => {
      if (options.apiKeyFile !== undefined) await requireWritable(options.apiKeyFile);
      const session = await context.session();
      const { checkReceipts } = await import('../verify.ts');
      const receipt = await session.client.post<Receipt>('/v1/parties', {
        name,
        kind: options.person === true ? 'person' : 'organization',
        roles: options.auditor === true ? ['auditor'] : [],
      });
      await checkReceipts(context, [receipt]);
      const made = await makeApiKey(context, session, receipt.id, { label: 'first key', out: options.apiKeyFile });
      context.print({ party: receipt.id, name, ...made, receipt }, () =>
        fields([
          ['party', receipt.id],
          ['name', name],
          ['API key', made.apiKey ?? `in ${made.file}`],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  party
    .command('list')
    .description('Show the parties.')
    .option('--name <name>', 'only those of this name')
    .addHelpText('after', '\nExample:\n  $ muniment party list')
    .action(async ({ name }: { name?: string }) => {
      const client = await context.client();
      const found = await client.get<PartyView[]>(
        `/v1/parties${name === undefined ? '' : `?name=${encodeURIComponent(name)}`}`,
      );
      context.print(found, () =>
        columns(
          ['party', 'name', 'signs with'],
          found.map(({ id, name, keys }) => [
            id,
            name ?? '(erased)',
            keys.length > 0 ? 'its own key' : "the registry's",
          ]),
        ),
      );
    });

  party
    .command('show')
    .description('Show one party.')
    .argument('<party>', 'id or name')
    .addHelpText('after', '\nExample:\n  $ muniment party show "Acme Labs"')
    .action(async (text: string) => {
      const found = await findParty(await context.client(), text);
      context.print(found, () =>
        fields([
          ['party', found.id],
          ['name', found.name ?? '(erased)'],
          ['kind', [found.kind, ...found.roles].join(', ')],
          ['ended', found.ended === null ? undefined : `entry ${found.ended.index}, by ${found.ended.succession}`],
          ['signing keys', found.keys.map(keyLine).join('\n') || 'none: the registry signs'],
          ['on record', `entry ${found.recordedIndex}`],
        ]),
      );
    });

  party
    .command('key')
    .description('Make another API key; its secret is shown once.')
    .argument('[party]', 'id or name; yourself where none is given')
    .option('--label <text>', 'what the key is for', '')
    .option('--scope <scope...>', 'what it may do; everything where none is given')
    .option('--expires <when>', 'end of its validity, e.g. 2027-01-01T00:00:00Z')
    .option('--out <file>', 'write the key there (mode 0600) instead of printing it')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment party key --label laptop --scope read models:write --out laptop.key',
    )
    .action(async (text: string | undefined, options: KeyOptions) => {
      const session = await context.session();
      const { id } = text === undefined ? session.me.party : await findParty(session.client, text);
      const made = await makeApiKey(context, session, id, options);
      context.print(made, () =>
        fields([
          ['API key', made.apiKey ?? `in ${made.file}`],
          ['id', made.apiKeyId],
          ['on record', `entry ${made.receipt.index}`],
        ]),
      );
    });

  party
    .command('revoke-key')
    .description('Make an API key worthless, at once.')
    .argument('<id>', 'id of the API key, as it was shown when it was made')
    .option('--reason <text>', 'why', '')
    .addHelpText('after', '\nExample:\n  $ muniment party revoke-key apikey_0123… --reason "laptop stolen"')
    .action(async (id: string, { reason }: { reason: string }) => {
      const session = await context.session();
      const { revokeApiKey } = await import('../api-keys.ts');
      const receipt = await revokeApiKey(context, session, id, reason);
      context.print(receipt, () => `The API key ${id} is revoked, on record as entry ${receipt.index}.\n`);
    });

  party
    .command('erase')
    .description(
      'Erase the name of a party for good: your own, or as the registrar any. What was signed stays provable.',
    )
    .argument('[party]', 'id or name; yourself where none is given')
    .option('--reason <reason>', 'asked-by-subject, consent-withdrawn, legal-order, …', 'asked-by-subject')
    .option('--yes', 'this cannot be undone, and you know it')
    .addHelpText('after', '\nExample:\n  $ muniment party erase "Jo Doe" --reason asked-by-subject --yes')
    .action(async (text: string | undefined, options: EraseOptions) => {
      const session = await context.session();
      const found = text === undefined ? session.me.party : await findParty(session.client, text);
      const { eraseValue } = await import('../erase.ts');
      const receipt = await eraseValue(context, found.nameCommitment, found.statement, options);
      context.print(
        { party: found.id, receipt },
        () => `The name of ${found.id} is erased, on record as entry ${receipt.index}.\n`,
      );
    });

  party
    .command('contributions')
    .description('Show the models to which a party is on record as a contributor, the newest first.')
    .argument('[party]', 'id or name; yourself where none is given')
    .option('--before <entry>', 'only records before this entry', wholeNumberOf)
    .option('--limit <n>', 'how many models', wholeNumberOf, 100)
    .addHelpText('after', '\nExample:\n  $ muniment party contributions "Acme Labs"')
    .action(async (text: string | undefined, page: Page) => {
      const { client, id } = await partyOf(context, text);
      const found = await client.get<ContributionView[]>(`/v1/parties/${id}/contributions?${queryOf(page)}`);
      context.print(found, () =>
        columns(
          ['model', 'as', 'entry', 'name'],
          found.map(({ registration, roles, recordedIndex, name }) => [
            registration,
            roles.join(', '),
            String(recordedIndex),
            name,
          ]),
        ),
      );
    });

  party
    .command('compute')
    .description('Show what trainings on record cost: what the workers of a party gave, and what its own runs took.')
    .argument('[party]', 'id or name; yourself where none is given')
    .option('--before <entry>', 'list only runs before this entry', wholeNumberOf)
    .option('--limit <n>', 'how many runs are listed', wholeNumberOf, 100)
    .addHelpText('after', '\nExample:\n  $ muniment party compute "Acme Labs"')
    .action(async (text: string | undefined, page: Page) => {
      const { client, id } = await partyOf(context, text);
      const found = await client.get<ComputeView>(`/v1/parties/${id}/compute?${queryOf(page)}`);
      context.print(found, () => describeCompute(found));
    });

  party
    .command('quota')
    .description('Show how much training a party may start, and what it has used; the registrar sets it.')
    .argument('[party]', 'id or name; yourself where none is given')
    .option('--core-seconds <n>', 'set it: processor time in a calendar month, or "unlimited" (registrar)')
    .option('--device-seconds <n>', 'set it: time on graphics devices in that month, or "unlimited" (registrar)')
    .option('--runs <n>', 'set it: runs at once, or "unlimited" (registrar)')
    .addHelpText('after', '\nExample:\n  $ muniment party quota "Acme Labs" --core-seconds 36000 --runs 2')
    .action(async (text: string | undefined, { coreSeconds, deviceSeconds, runs }: Limits) => {
      const { client, id } = await partyOf(context, text);
      const path = `/v1/parties/${id}/quota`;
      if (coreSeconds !== undefined || deviceSeconds !== undefined || runs !== undefined) {
        const before = await client.get<QuotaView>(path);
        const onDevices = deviceSeconds === undefined ? before.deviceSeconds : limitOf(deviceSeconds);
        const receipt = await client.post<Receipt>(path, {
          coreSeconds: coreSeconds === undefined ? before.coreSeconds : limitOf(coreSeconds),
          ...(onDevices === null ? {} : { deviceSeconds: onDevices }),
          runsAtOnce: runs === undefined ? before.runsAtOnce : limitOf(runs),
        });
        const { checkReceipts } = await import('../verify.ts');
        await checkReceipts(context, [receipt]);
      }
      const found = await client.get<QuotaView>(path);
      context.print(found, () => describeQuota(found));
    });
}

/** Of a quota, as they are given; what is not given stays as it is. */
interface Limits {
  coreSeconds?: string;
  deviceSeconds?: string;
  runs?: string;
}

interface Page {
  before?: number;
  limit: number;
}

const queryOf = ({ before, limit }: Page): string => `limit=${limit}${before === undefined ? '' : `&before=${before}`}`;

async function partyOf(context: Context, text: string | undefined): Promise<{ client: Client; id: string }> {
  const { client, me } = await context.session();
  return { client, id: text === undefined ? me.party.id : (await findParty(client, text)).id };
}

function describeCompute({ party, contributed, consumed, entries }: ComputeView): string {
  const total = ({ runs, coreSeconds, deviceSeconds }: ComputeView['consumed']): string =>
    `${coreSeconds} core-seconds, ${deviceSeconds} device-seconds in ${count(runs)} runs`;
  return [
    fields([
      ['party', party],
      ['contributed', total(contributed)],
      ['consumed', total(consumed)],
    ]),
    entries.length === 0 ? '' : '\n',
    entries.length === 0
      ? ''
      : columns(
          ['run', 'core s', 'device s', 'for', 'by', 'on'],
          entries.map(({ run, coreSeconds, deviceSeconds, consumer, provider, backend, device }) => [
            run,
            String(coreSeconds),
            deviceSeconds === null ? '' : String(deviceSeconds),
            consumer,
            provider,
            `${backend}, ${device}`,
          ]),
        ),
  ].join('');
}

function describeQuota(quota: QuotaView): string {
  const { party, coreSeconds, deviceSeconds, runsAtOnce, setBy, used, renewsAt, recordedIndex } = quota;
  return fields([
    ['party', party],
    ['core-seconds', `${used.coreSeconds} of ${coreSeconds ?? 'any number'} used, renewed at ${renewsAt}`],
    ['device-seconds', `${used.deviceSeconds} of ${deviceSeconds ?? 'any number'} used, renewed at ${renewsAt}`],
    ['runs at once', `${used.runs} of ${runsAtOnce ?? 'any number'} wait or train now`],
    ['set by', setBy === 'default' ? "the registry's configuration" : `the registrar, entry ${recordedIndex}`],
  ]);
}

const keyLine = ({ fingerprint, revoked }: PartyKeyView): string =>
  revoked === null ? fingerprint : `${fingerprint} (ended by entry ${revoked.index}: ${revoked.reason})`;

async function makeApiKey(
  context: Context,
  session: Session,
  party: string,
  { label, scope, expires, out }: { label: string; scope?: string[]; expires?: string; out?: string | undefined },
): Promise<{ apiKeyId: string; apiKey?: string; file?: string; receipt: Receipt }> {
  const { createApiKey } = await import('../api-keys.ts');
  if (out !== undefined) await requireWritable(out);
  const { key, receipt } = await createApiKey(context, session, party, {
    label,
    ...(scope === undefined ? {} : { scopes: scope }),
    expiresAt: expires === undefined ? null : instantOf(expires),
  });
  if (out !== undefined) await writeNew(out, `${key}\n`);
  return { apiKeyId: receipt.id, ...(out === undefined ? { apiKey: key } : { file: out }), receipt };
}

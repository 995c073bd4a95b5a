/** `muniment webhook`: have a program of yours told what goes on record. */
import type { Command } from 'commander';
import type { Digest } from '../../core/digest.ts';
import type { Context } from '../context.ts';
import { digestArgument, wholeNumberOf } from '../parse.ts';
import { columns, fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  const webhook = program.command('webhook').description('Have a program of yours told what goes on record.');

  webhook
    .command('add')
    .description('Register the address of your program. Its secret is shown this once.')
    .argument('<url>', 'https address that everybody can reach')
    .requiredOption(
      '--event <event...>',
      'what to be told, e.g. registration.recorded, grant.terminated, digest.matched',
    )
    .option('--digest <digest...>', 'only what speaks of it', digestArgument)
    .option('--party <party...>', 'only what speaks of it; a party, by id or name')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment webhook add https://example.org/hooks --event digest.matched --digest sha256:0123…',
    )
    .action(async (url: string, options: { event: string[]; digest?: Digest[]; party?: string[] }) => {
      const { addWebhook } = await import('../webhooks.ts');
      const made = await addWebhook(context, url, options);
      context.print(
        made,
        () =>
          `${fields([
            ['webhook', made.id],
            ['secret', made.secret],
          ])}Keep the secret: it is not shown again.\n`,
      );
    });

  webhook
    .command('list')
    .description('Show your webhooks, and which of them fail.')
    .addHelpText('after', '\nExample:\n  $ muniment webhook list')
    .action(async () => {
      const { listWebhooks } = await import('../webhooks.ts');
      const found = await listWebhooks(context);
      context.print(found, () =>
        columns(
          ['WEBHOOK', 'ADDRESS', 'EVENTS', 'FAILING SINCE'],
          found.map(({ id, url, events, failingSince }) => [id, url, events.join(' '), failingSince ?? '-']),
        ),
      );
    });

  webhook
    .command('deliveries')
    .description('Show what was sent to a webhook, newest first.')
    .argument('<webhook>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment webhook deliveries webhook_0123…')
    .action(async (id: string) => {
      const { listDeliveries } = await import('../webhooks.ts');
      const found = await listDeliveries(context, id);
      context.print(found, () =>
        columns(
          ['DELIVERY', 'EVENT', 'ENTRY', 'STATE', 'TRIES', 'LAST ERROR'],
          found.map((each) => [
            each.id,
            each.event,
            String(each.index),
            each.state,
            String(each.attempts),
            each.error ?? '-',
          ]),
        ),
      );
    });

  webhook
    .command('replay')
    .description('Send a delivery again, whatever became of it.')
    .argument('<webhook>', 'its id')
    .argument('<delivery>', 'id of the delivery')
    .addHelpText('after', '\nExample:\n  $ muniment webhook replay webhook_0123… delivery_0123…')
    .action(async (id: string, delivery: string) => {
      const { replayDelivery } = await import('../webhooks.ts');
      const sent = await replayDelivery(context, id, delivery);
      context.print(sent, () => `${sent.id} is sent again.\n`);
    });

  webhook
    .command('rotate')
    .description('Replace the secret. The one before signs, too, for a day, so that you can change your program.')
    .argument('<webhook>', 'its id')
    .option('--overlap <seconds>', 'how long the one before signs, too', wholeNumberOf)
    .addHelpText('after', '\nExample:\n  $ muniment webhook rotate webhook_0123…')
    .action(async (id: string, { overlap }: { overlap?: number }) => {
      const { rotateSecret } = await import('../webhooks.ts');
      const made = await rotateSecret(context, id, overlap);
      context.print(made, () =>
        fields([
          ['webhook', made.id],
          ['secret', made.secret],
          ['the one before', made.previousSecretUntil === null ? 'signs no more' : `until ${made.previousSecretUntil}`],
        ]),
      );
    });

  webhook
    .command('remove')
    .description('Remove a webhook; what waited for it is not sent.')
    .argument('<webhook>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment webhook remove webhook_0123…')
    .action(async (id: string) => {
      const { removeWebhook } = await import('../webhooks.ts');
      await removeWebhook(context, id);
      context.print({ removed: id }, () => `${id} is removed.\n`);
    });
}

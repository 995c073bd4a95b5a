/** `muniment seat`: who may use a model at one time under a license with seats; each is held by a key in a file. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { wholeNumberOf } from '../parse.ts';
import type { SeatView, SeatWish } from '../seats.ts';
import { columns, fields } from '../table.ts';

const GRANT = 'id of the license';
const TOKEN = 'a license token under it, @FILE or -, from who is no side of the license';

export function define(program: Command, context: Context): void {
  const seat = program.command('seat').description('Seats under a license: take, keep, borrow, give up.');

  seat
    .command('activate')
    .description('Take a seat. It is kept by heartbeats, and free again without them.')
    .argument('<grant>', GRANT)
    .requiredOption('--holder-key <file>', 'the key that holds the seat; made where there is none')
    .option('--token <token>', TOKEN)
    .addHelpText('after', '\nExample:\n  $ muniment seat activate grant_0123… --holder-key seat.key')
    .action(async (grant: string, wish: SeatWish) => {
      const { activateSeat } = await import('../seats.ts');
      tell(await activateSeat(context, grant, wish));
    });

  seat
    .command('heartbeat')
    .description('Keep the seat of a key; where it was lost meanwhile, take one again if one is free.')
    .argument('<grant>', GRANT)
    .requiredOption('--holder-key <file>', 'the key that holds the seat')
    .option('--token <token>', TOKEN)
    .addHelpText('after', '\nExample:\n  $ muniment seat heartbeat grant_0123… --holder-key seat.key')
    .action(async (grant: string, wish: SeatWish) => {
      const { keepSeat } = await import('../seats.ts');
      tell(await keepSeat(context, grant, wish));
    });

  seat
    .command('borrow')
    .description('Keep the seat of a key for a time without a network.')
    .argument('<grant>', GRANT)
    .requiredOption('--holder-key <file>', 'the key that holds the seat; made where there is none')
    .requiredOption('--seconds <seconds>', 'for how long, e.g. 86400 for a day', wholeNumberOf)
    .option('--token <token>', TOKEN)
    .addHelpText('after', '\nExample:\n  $ muniment seat borrow grant_0123… --holder-key seat.key --seconds 86400')
    .action(async (grant: string, wish: SeatWish) => {
      const { activateSeat } = await import('../seats.ts');
      tell(await activateSeat(context, grant, wish));
    });

  seat
    .command('release')
    .description('Give a seat up: that of a key at hand, or as a side of the license that of another.')
    .argument('<grant>', GRANT)
    .option('--holder-key <file>', 'the key that holds the seat')
    .option('--holder <thumbprint>', 'whose seat, as "muniment seat list" shows it')
    .addHelpText('after', '\nExample:\n  $ muniment seat release grant_0123… --holder-key seat.key')
    .action(async (grant: string, options: { holderKey?: string; holder?: string }) => {
      const { releaseSeat } = await import('../seats.ts');
      const released = await releaseSeat(context, grant, options);
      context.print({ grant, released }, () => `The seat of ${released} is free.\n`);
    });

  seat
    .command('list')
    .description('Show who holds a seat now; the first that is free again comes first.')
    .argument('<grant>', GRANT)
    .addHelpText('after', '\nExample:\n  $ muniment seat list grant_0123…')
    .action(async (grant: string) => {
      const { listSeats } = await import('../seats.ts');
      const found = await listSeats(context, grant);
      context.print(found, () =>
        columns(
          ['HOLDER', 'PARTY', 'SINCE', 'UNTIL', 'BORROWED'],
          found.map(({ holder, party, takenAt, until, borrowed }) => [
            holder,
            party,
            takenAt,
            until,
            borrowed ? 'yes' : 'no',
          ]),
        ),
      );
    });

  function tell(held: SeatView): void {
    context.print(held, () =>
      fields([
        ['seat under', held.grant],
        ['held by key', held.holder],
        [held.borrowed ? 'borrowed until' : 'until', held.until],
      ]),
    );
  }
}

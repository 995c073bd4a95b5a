/** Uses leased calls until its journal takes no more, and some more often after that; prints how many it let through. */
import process from 'node:process';
import { RegistryError } from '../../../src/core/errors.ts';
import { Journal } from '../../../src/gate/journal.ts';

const journal = await Journal.open(process.argv[2]!);
journal.leasing('block', 'grant');
journal.leased('block', 'grant', 1_000_000);
let used = 0;
const refused = new Set<string>();
for (let left = 10; left > 0;) {
  try {
    // Of any length, so that the last line that fits is cut off anywhere.
    journal.used('block', { token: 'token', action: 'a'.repeat(1 + (used % 7)) });
    used++;
  } catch (error) {
    refused.add(error instanceof RegistryError ? error.code : String(error));
    left--;
  }
}
process.stdout.write(JSON.stringify({ used, refused: [...refused] }));

/** `muniment title`: who owns what, and what others claim of it. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { defineTitleClaims } from './title-claim.ts';

export function define(program: Command, context: Context): void {
  const title = program.command('title').description('Who owns a model or dataset, and who claims it.');
  defineTitleClaims(title, context);
}

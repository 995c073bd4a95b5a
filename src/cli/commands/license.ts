/** `muniment license`: licenses that owners offer to everybody, and grants of one to a single party. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { defineGrants } from './license-grants.ts';
import { defineLicenseOffers } from './license-offers.ts';

export function define(program: Command, context: Context): void {
  const license = program.command('license').description('Offer licenses, give somebody one, accept and end it.');
  defineLicenseOffers(license, context);
  defineGrants(license, context);
}

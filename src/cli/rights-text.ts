/** Rights records for people: what is stated of an asset, a line for each member. */
import type { Receipt } from '../core/statement/receipt.ts';
import { fields } from './table.ts';

/** What was just put on record. */
export const statedText = (body: object, { id, index }: Receipt): string =>
  fields([['record', id], ...membersOf(body), ['on record', `entry ${index}`]]);

/** A record as the registry shows it. */
export function recordText({
  id,
  maker,
  supersedes,
  standing,
  statement,
  recordedIndex,
  ...body
}: RecordOfRights): string {
  return fields([
    ['record', standing ? id : `${id} (superseded)`],
    ...membersOf(body),
    ['by', maker],
    ['in place of', supersedes ?? undefined],
    ['statement', statement],
    ['on record', `entry ${recordedIndex}`],
  ]);
}

export interface RecordOfRights {
  id: string;
  maker: string;
  supersedes: string | null;
  standing: boolean;
  statement: string;
  recordedIndex: number;
}

const membersOf = (body: object): [string, string][] =>
  Object.entries(body).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);

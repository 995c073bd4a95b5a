/** How sure transfers and first records were at a moment: the windows in which they may be opposed, and the claims that stood. */
import { Injectable } from '@nestjs/common';
import type { Opposition } from '../core/title/opposition.ts';
import { firstRecordWindow, oppositionOf, transferWindow } from '../core/title/opposition.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { contestedAmong, daysRecorded } from './claim.store.ts';

/** A transfer in force, or the first record of an asset. */
export interface Opposable {
  readonly id: string;
  /** The place of the statement that brought it into force */
  readonly index: number;
  /** Whose law governs the transfer; undefined for a first record */
  readonly jurisdiction?: string | null;
}

/** What was known, and the day on which it was. */
export interface Seen {
  readonly known: number;
  readonly on: string;
}

@Injectable()
export class Oppositions {
  constructor(
    private readonly config: Config,
    private readonly database: DataSource,
  ) {}

  /** In the order of the records. */
  async of(records: readonly Opposable[], { known, on }: Seen): Promise<Opposition[]> {
    const { manager } = this.database;
    const [days, contested] = await Promise.all([
      daysRecorded(
        manager,
        records.map(({ index }) => index),
      ),
      contestedAmong(
        manager,
        records.map(({ id }) => id),
        known,
      ),
    ]);
    return records.map(({ id, index, jurisdiction }) => {
      const day = days.get(index)!;
      const ends =
        jurisdiction === undefined
          ? firstRecordWindow(this.config.oppositionDays, day)
          : transferWindow(jurisdiction, day);
      return oppositionOf(ends, contested.has(id), on);
    });
  }
}

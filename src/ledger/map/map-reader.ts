/** Answers from the newest map on record: all public statements about a digest, or that there is none, with the proof. */
import { Injectable } from '@nestjs/common';
import type { Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { MapAnswer } from '../../core/map/answer.ts';
import { formatClaim, MAX_PLACES } from '../../core/map/answer.ts';
import { mapKey } from '../../core/map/map.ts';
import { claimOf } from '../../core/map/way.ts';
import { sha256 } from '../../platform/crypto.ts';
import { DataSource } from '../../platform/database/index.ts';
import { Ledger } from '../ledger.service.ts';
import { lastAudit, readWay } from './map.store.ts';

@Injectable()
export class MapReader {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `not_found` before the first map is on record, `payload_too_large`, `ledger_inconsistent` */
  async prove(digest: Digest): Promise<MapAnswer> {
    const { manager } = this.database;
    const [map, audit] = await Promise.all([
      readWay(manager, mapKey(sha256, digest)),
      lastAudit(manager, this.ledger.registryParty),
    ]);
    if (map === undefined) {
      throw new RegistryError('not_found', 'No map of the log is on record yet.', { fix: 'Ask again in a minute.' });
    }
    const claim = claimOf(sha256, digest, map.way);
    if (map.keys > 0 && map.way.length === 0) {
      throw new RegistryError('ledger_inconsistent', 'The root of the map is missing.', {
        fix: 'Run "muniment fsck".',
      });
    }
    if (claim.entries.length > MAX_PLACES) {
      throw new RegistryError('payload_too_large', `More than ${MAX_PLACES} statements name ${digest}.`, {
        field: 'digest',
        fix: 'Read the log itself: "muniment log audit-map".',
      });
    }
    const indexes = [map.index, ...(audit === undefined ? [] : [audit.index])];
    const { receipts } = await this.ledger.receiptsAt(indexes);
    return {
      ...formatClaim(claim),
      asOf: map.size,
      keys: map.keys,
      receipt: receipts.get(map.index)!,
      audit: audit === undefined ? null : { auditor: audit.name, receipt: receipts.get(audit.index)! },
    };
  }
}

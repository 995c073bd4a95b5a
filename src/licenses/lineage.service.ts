/** What a model came from, and what came from it. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Direction, LineageView } from './lineage.schema.ts';
import { findLineage } from './lineage.store.ts';

@Injectable()
export class LineageService {
  constructor(private readonly database: DataSource) {}

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async of(model: string, direction: Direction): Promise<LineageView> {
    return { model, direction, ...(await findLineage(this.database.manager, model, direction)) };
  }
}

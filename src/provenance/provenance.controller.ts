import { Controller, Get, Param } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../platform/auth/index.ts';
import { hashParams, provenanceSchema } from './provenance.schema.ts';
import { ProvenanceService } from './provenance.service.ts';

@ApiTags('provenance')
@Controller('v1/provenance')
@Requires('public')
export class ProvenanceController {
  constructor(private readonly provenance: ProvenanceService) {}

  /** Whose weights are these: by file digest, weight digest or nameless digest. */
  @Get(':hash')
  @ApiResponse({ status: 200, standardSchema: provenanceSchema })
  lookup(@Param({ schema: hashParams }) { hash }: z.infer<typeof hashParams>) {
    return this.provenance.lookup(hash);
  }
}

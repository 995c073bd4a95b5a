/** What is on record, in the formats of other tools; one file a format beside this one. */
import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Ledger, Timestamping } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import { Requires } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import { BUNDLE_TYPE, bundleSchema, formatSigstoreBundle } from './sigstore-bundle.ts';

const params = z.strictObject({ id: z.string().max(60) });
const query = z.strictObject({
  time: z
    .enum(['attested', 'none'])
    .default('attested')
    .describe('Whether the bundle carries an outside timestamp; "none" for a registry without an authority'),
});

@ApiTags('exchange')
@Controller('v1')
@Requires('public')
export class ExchangeController {
  constructor(
    private readonly models: ModelService,
    private readonly ledger: Ledger,
    private readonly timestamping: Timestamping,
  ) {}

  /** An owner's signature over a model as a sigstore bundle, which OpenSSF model signing and sigstore's tools verify. */
  @Get('model-signatures/:id/bundle')
  @ApiResponse({ status: 200, description: BUNDLE_TYPE, standardSchema: bundleSchema })
  async bundle(
    @Param({ schema: params }) { id }: z.infer<typeof params>,
    @Query({ schema: query }) { time }: z.infer<typeof query>,
    @Res() reply: FastifyReply,
  ) {
    const receipt = await this.models.signatureReceipt(id);
    const timestamp = time === 'none' ? undefined : await this.timestamping.ofSignature(receipt.index);
    const { verifierKey } = this.ledger;
    await reply
      .type(BUNDLE_TYPE)
      .send(JSON.stringify(formatSigstoreBundle(sha256, { receipt, verifierKey, timestamp })));
  }
}

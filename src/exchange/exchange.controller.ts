/** What is on record, in the formats of other tools; one file a format beside this one. */
import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { disclosureDocument, formatMarkdown } from '../core/disclosure.ts';
import { Ledger, Timestamping } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import { Requires } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import { DisclosureService, FORM_NAMES } from './disclosure.service.ts';
import { BUNDLE_TYPE, bundleSchema, formatSigstoreBundle } from './sigstore-bundle.ts';

const params = z.strictObject({ id: z.string().max(60) });
const query = z.strictObject({
  time: z
    .enum(['attested', 'none'])
    .default('attested')
    .describe('Whether the bundle carries an outside timestamp; "none" for a registry without an authority'),
});

const disclosureParams = z.strictObject({ id: z.string().max(60), form: z.enum(FORM_NAMES) });
const disclosureQuery = z.strictObject({
  format: z.enum(['json', 'md']).optional().describe('Where none is given, the header Accept decides'),
});

@ApiTags('exchange')
@Controller('v1')
@Requires('public')
export class ExchangeController {
  constructor(
    private readonly models: ModelService,
    private readonly ledger: Ledger,
    private readonly timestamping: Timestamping,
    private readonly disclosures: DisclosureService,
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

  /** What a law asks about a model, answered from what is on record; also as Markdown (`text/markdown`). */
  @Get('models/:id/disclosures/:form')
  @ApiResponse({ status: 200, standardSchema: disclosureDocument })
  async disclosure(
    @Param({ schema: disclosureParams }) { id, form }: z.infer<typeof disclosureParams>,
    @Query({ schema: disclosureQuery }) { format }: z.infer<typeof disclosureQuery>,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    const disclosure = await this.disclosures.disclose(id, form);
    const markdown = format === 'md' || (format === undefined && /\btext\/markdown\b/.test(accept ?? ''));
    await reply
      .header('vary', 'accept')
      .type(markdown ? 'text/markdown; charset=utf-8' : 'application/json; charset=utf-8')
      .send(markdown ? formatMarkdown(disclosure) : JSON.stringify(disclosure));
  }
}

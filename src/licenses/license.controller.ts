import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { LICENSE_TEMPLATES, licenseText } from '../core/licensing/license-templates.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { LicenseQuery, WithdrawLicense } from './license.schema.ts';
import {
  licenseParams,
  licenseQuery,
  licenseView,
  offerLicenseSchema,
  templateView,
  withdrawLicenseSchema,
} from './license.schema.ts';
import { LicenseService } from './license.service.ts';

type Id = z.infer<typeof licenseParams>;

@ApiTags('licenses')
@Controller('v1')
export class LicenseController {
  constructor(private readonly licenses: LicenseService) {}

  /** Offers a license on a model or dataset of which the maker owns a share; it never changes. */
  @Post('licenses')
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  offer(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: offerLicenseSchema }) body: Write<LicenseBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.licenses.offer(principal, body, idempotency);
  }

  @Get('licenses')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(licenseView) })
  list(@Query({ schema: licenseQuery }) query: LicenseQuery) {
    return this.licenses.list(query);
  }

  @Get('licenses/:id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: licenseView })
  get(@Param({ schema: licenseParams }) { id }: Id) {
    return this.licenses.get(id);
  }

  /** Ends the offer; grants under it stay what they are. */
  @Post('licenses/:id/withdraw')
  @HttpCode(201)
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  withdraw(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: licenseParams }) { id }: Id,
    @Body({ schema: withdrawLicenseSchema }) body: WithdrawLicense,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.licenses.withdraw(principal, id, body, idempotency);
  }

  /** Licenses for the common cases, ready to be filled in. */
  @Get('license-templates')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(templateView) })
  templates(): z.infer<typeof templateView>[] {
    return LICENSE_TEMPLATES.map((template) => ({
      ...template,
      text: template.expression.startsWith('LicenseRef-') ? licenseText(template.title, template.terms) : null,
    }));
  }
}

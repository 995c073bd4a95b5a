import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { AbstractQuery, Act, InstrumentQuery, MomentQuery, PortfolioQuery } from './title.schema.ts';
import {
  abstractQuery,
  abstractView,
  actSchema,
  assetParams,
  instrumentParams,
  instrumentQuery,
  instrumentView,
  momentQuery,
  offerSchema,
  heldInterestsView,
  portfolioQuery,
  portfolioView,
  titleView,
} from './title.schema.ts';
import { TitleService } from './title.service.ts';

type Id = z.infer<typeof instrumentParams>;
type Asset = z.infer<typeof assetParams>;

@ApiTags('titles')
@Controller('v1/instruments')
export class InstrumentController {
  constructor(private readonly titles: TitleService) {}

  /** Offers an instrument; it comes into force when everybody has agreed whose agreement it takes. */
  @Post()
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  offer(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: offerSchema }) body: Write<InstrumentBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.titles.offer(principal, body, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(instrumentView) })
  list(@Query({ schema: instrumentQuery }) query: InstrumentQuery) {
    return this.titles.list(query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: instrumentView })
  get(@Param({ schema: instrumentParams }) { id }: Id) {
    return this.titles.get(id);
  }

  /** Accepts, rejects, withdraws or releases an instrument, or consents to it. */
  @Post(':id/acts')
  @HttpCode(201)
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  act(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: instrumentParams }) { id }: Id,
    @Body({ schema: actSchema }) body: Act,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.titles.act(principal, id, body, idempotency);
  }
}

@ApiTags('titles')
@Controller('v1/titles')
export class TitleController {
  constructor(private readonly titles: TitleService) {}

  /** Who owned a model or dataset on a day, as was known at a size of the log. */
  @Get(':asset')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: titleView })
  get(@Param({ schema: assetParams }) { asset }: Asset, @Query({ schema: momentQuery }) query: MomentQuery) {
    return this.titles.title(asset, query);
  }

  /** The abstract of title: the chain from the first record on, with every instrument and what it leaves open. */
  @Get(':asset/abstract')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: abstractView })
  abstract(@Param({ schema: assetParams }) { asset }: Asset, @Query({ schema: abstractQuery }) query: AbstractQuery) {
    return this.titles.abstract(asset, query);
  }
}

@ApiTags('titles')
@Controller('v1/parties')
export class PortfolioController {
  constructor(private readonly titles: TitleService) {}

  /** What a party owned on a day, page by page. */
  @Get(':id/titles')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: portfolioView })
  portfolio(@Param({ schema: instrumentParams }) { id }: Id, @Query({ schema: portfolioQuery }) query: PortfolioQuery) {
    return this.titles.portfolio(id, query);
  }

  /** The liens, options, holds and exclusive licenses that a party had on a day, page by page. */
  @Get(':id/interests')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: heldInterestsView })
  interests(@Param({ schema: instrumentParams }) { id }: Id, @Query({ schema: portfolioQuery }) query: PortfolioQuery) {
    return this.titles.interests(id, query);
  }
}

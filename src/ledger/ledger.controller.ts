/**
 * The log as outsiders read it: checkpoints and tiles at the addresses of C2SP tlog-tiles, and as JSON the receipts and
 * the statements behind them. All of it is public; what is served once is served unchanged for ever.
 */
import { Body, Controller, Get, Header, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { toBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { KINDS } from '../core/registry/index.ts';
import { MAX_LISTED, statementListSchema } from '../core/statement/listing.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { digest } from '../core/statement/statement.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { Ledger } from './ledger.service.ts';
import { LogKeys, logKeyView } from './log-keys.ts';
import { LogReader } from './log-reader.ts';
import { Timestamping } from './timestamping/index.ts';

const IMMUTABLE = 'public, max-age=31536000, immutable';

const size = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const consistencyQuery = z.strictObject({ first: size, second: size });
const statementsQuery = z.strictObject({
  from: size.describe('Index of the first one'),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(MAX_LISTED),
});
const retireSchema = z.strictObject({ reason: z.string().max(500).default('') }).meta({ id: 'RetireLogKey' });
const kindParams = z.strictObject({ kind: z.string().max(60) });
const kindSchema = z
  .strictObject({ kind: z.string(), predicateType: z.string(), schema: z.string() })
  .meta({ id: 'StatementKind' });
const digestParams = z.strictObject({ digest });
const witnessingSchema = z.strictObject({
  operator: z.string(),
  quorum: z.int().positive().describe('Operators beside its own that cosign what counts as witnessed'),
  treeSize: z.int().nonnegative().describe('Of the newest checkpoint with the quorum'),
  witnesses: z.array(z.strictObject({ verifierKey: z.string(), operator: z.string() })),
});
const logSchema = z
  .strictObject({
    origin: z.string(),
    verifierKey: z.string(),
    registryParty: z.string(),
    treeSize: z.int(),
    witnessing: witnessingSchema.nullable(),
  })
  .meta({ id: 'Log' });
const consistencySchema = z
  .strictObject({ first: z.int(), second: z.int(), proof: z.array(z.string()) })
  .meta({ id: 'ConsistencyProof' });

@ApiTags('ledger')
@Controller()
@Requires('public')
export class LedgerController {
  constructor(
    private readonly ledger: Ledger,
    private readonly reader: LogReader,
    private readonly timestamping: Timestamping,
    private readonly keys: LogKeys,
  ) {}

  /** What a reader pins: the log's name and the key of its checkpoints. */
  @Get('v1/log')
  @ApiResponse({ status: 200, standardSchema: logSchema })
  async log() {
    const { size: treeSize } = await this.reader.checkpoint();
    const { origin, verifierKey, registryParty } = this.ledger;
    return { origin, verifierKey, registryParty, treeSize, witnessing: this.reader.witnessing };
  }

  /** The keys that sign checkpoints, in the order in which they came into use, with the proof of each change. */
  @Get('v1/log-keys')
  @ApiResponse({ status: 200, standardSchema: z.array(logKeyView) })
  logKeys() {
    return this.keys.list();
  }

  /** Announces the next key of the checkpoints, which signs beside the present one from then on. */
  @Post('v1/log-keys')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  rotateLogKey(@Body({ schema: z.strictObject({}) }) _: object) {
    return this.keys.rotate();
  }

  /** Ends the older of two keys, when the overlap is over. */
  @Post('v1/log-keys/retire')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  retireLogKey(@Body({ schema: retireSchema }) { reason }: z.infer<typeof retireSchema>) {
    return this.keys.retire(reason);
  }

  @Get('checkpoint')
  @Header('content-type', 'text/plain; charset=utf-8')
  @Header('cache-control', 'no-cache')
  @ApiResponse({
    status: 200,
    description: 'The newest published checkpoint (C2SP tlog-checkpoint in a signed note)',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  async checkpoint() {
    return (await this.reader.checkpoint()).note;
  }

  /** What readers who want witnesses start from; it may lag behind the newest. */
  @Get('checkpoint/witnessed')
  @Header('content-type', 'text/plain; charset=utf-8')
  @Header('cache-control', 'no-cache')
  @ApiResponse({
    status: 200,
    description: 'The newest checkpoint that the quorum of witnesses has cosigned (C2SP tlog-cosignature)',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  witnessed() {
    return this.reader.witnessed().note;
  }

  @Get('tile/*')
  @ApiParam({
    name: 'path',
    schema: { type: 'string' },
    description: 'As C2SP tlog-tiles has it: `0/x001/234`, `entries/000.p/7`',
  })
  @ApiResponse({
    status: 200,
    description: 'A tile of hashes, or a bundle of entries',
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  async tile(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const path = request.url.slice(1).split('?', 1)[0]!;
    const bytes = await this.reader.resource(path);
    await reply.header('content-type', 'application/octet-stream').header('cache-control', IMMUTABLE).send(bytes);
  }

  /** The kinds of statement, and where the JSON Schema of each lies. */
  @Get('v1/schemas')
  @ApiResponse({ status: 200, standardSchema: z.array(kindSchema) })
  kinds() {
    return [...KINDS.values()].map(({ kind, predicateType }) => ({
      kind,
      predicateType,
      schema: `/v1/schemas/${kind}`,
    }));
  }

  /** The JSON Schema (draft 2020-12) of a kind's predicate. */
  @Get('v1/schemas/:kind')
  @ApiResponse({ status: 200, standardSchema: z.record(z.string(), z.json()) })
  schema(@Param({ schema: kindParams }) params: z.infer<typeof kindParams>) {
    const found = [...KINDS.values()].find(({ kind }) => kind === params.kind);
    if (found === undefined) {
      throw new RegistryError('not_found', `There is no kind of statement "${params.kind}".`, { field: 'kind' });
    }
    return { $id: found.predicateType, ...z.toJSONSchema(found.predicate) };
  }

  /** Statements in log order, for whoever follows the log: the public ones whole, of the others the entry alone. */
  @Get('v1/statements')
  @ApiResponse({ status: 200, standardSchema: statementListSchema })
  statements(@Query({ schema: statementsQuery }) { from, limit }: z.infer<typeof statementsQuery>) {
    return this.reader.statements(from, limit);
  }

  /**
   * The receipt of a statement by the SHA-256 of its payload, against the newest published checkpoint, and with the
   * outside time before which it existed, where an authority attested one.
   */
  @Get('v1/receipts/:digest')
  @ApiResponse({ status: 200, standardSchema: receiptSchema })
  async receipt(
    @Param({ schema: digestParams }) params: z.infer<typeof digestParams>,
    @CurrentPrincipal() reader: Principal | undefined,
  ) {
    const receipt = await this.ledger.receipt(params.digest, reader);
    const time = await this.timestamping.timeOf(receipt.index);
    return time === undefined ? receipt : { ...receipt, time };
  }

  /** Proof that the tree of `second` entries extends the one of `first`. */
  @Get('v1/log/consistency')
  @ApiResponse({ status: 200, standardSchema: consistencySchema })
  async consistency(@Query({ schema: consistencyQuery }) { first, second }: z.infer<typeof consistencyQuery>) {
    const newest = await this.reader.checkpoint();
    if (second > newest.size || first > second) {
      throw new RegistryError('not_found', `There is no proof from ${first} to ${second} in a log of ${newest.size}.`, {
        field: second > newest.size ? 'second' : 'first',
      });
    }
    const proof = await this.reader.proveConsistency(first, second);
    return { first, second, proof: proof.map(toBase64) };
  }
}

import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import type { AdverseClaimBody } from '../../../../src/core/registry/adverse-claim.ts';
import type { DocumentTimestampBody } from '../../../../src/core/registry/document-timestamp.ts';
import { MAX_TIMESTAMP } from '../../../../src/core/registry/document-timestamp.ts';
import {
  adverseClaim,
  adverseClaimAct,
  documentTimestamp,
  instrument,
  instrumentAct,
  opening,
  registration,
  sealed,
} from '../../../../src/core/registry/index.ts';
import { sealCommitment } from '../../../../src/core/registry/sealed.ts';
import type { ClaimAct } from '../../../../src/core/title/claim-states.ts';
import { newId, newNonce, sha256 } from '../../../../src/platform/crypto.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, ORIGIN, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining(field === undefined ? { code } : { code, field });
const DAY = '2026-06-01';
const at = (day: string) => `${day}T12:00:00.000Z`;

let log: TestLog;
/** Owns the model; Ben bought from her; Emma claims. */
let [ada, ben, emma]: string[] = [];
let model: string;
const statements = new Map<string, Digest>();

const say = <Made extends { id: string; statement: Digest }>(made: Made): Made => {
  statements.set(made.id, made.statement);
  return made;
};
const by = (maker: string, day = DAY, basis: Digest[] = []) => ({
  maker,
  attestedBy: 'registry' as const,
  statedAt: at(day),
  basis: [...new Set(basis)].sort(),
});

function register(maker: string): string {
  return say(log.speak(registration, by(maker, '2026-05-01'), modelOf(maker))).id;
}

/** Seals a document; opened at once, or by what is returned. */
function seal(maker: string, digest: Digest) {
  const secret = { subject: 'evidence' as const, salt: newNonce(), digests: [digest] };
  const commitment = sealCommitment(sha256, { origin: ORIGIN, maker }, secret);
  const { subject } = secret;
  const made = log.speak(sealed, by(maker), { subject, commitment });
  const open = () => {
    const opened = log.speak(opening, by(maker, DAY, [made.statement]), { sealed: made.id, commitment, ...secret });
    statements.set(made.id, opened.statement);
    return made.id;
  };
  return { id: made.id, open };
}

function transfer(from: string, to: string): string {
  const title = log.get('title', model, from)!;
  const made = say(
    log.speak(instrument, by(from, DAY, [statements.get(model)!, title.statement]), {
      asset: model,
      terms: { type: 'assignment', share: '1/2', under: null },
      counterparties: [to],
      documentDigest: anyDigest(),
      executedOn: '2026-05-20',
      effectiveFrom: DAY,
      jurisdiction: 'US',
      lapsesAt: null,
    }),
  );
  return made.id;
}

const accept = (maker: string, id: string) =>
  log.speak(instrumentAct, by(maker, DAY, [statements.get(id)!]), { instrument: id, act: 'accept', reason: null });

const claiming = (different: Partial<AdverseClaimBody> = {}): AdverseClaimBody => ({
  asset: model,
  contested: different.asset ?? model,
  share: '1/1',
  ground: 'employment',
  documentDigest: anyDigest(),
  executedOn: '2025-05-20',
  effectiveFrom: DAY,
  jurisdiction: 'DE',
  grace: null,
  note: 'Made at work.',
  evidence: [],
  ...different,
});

function claim(maker: string, body: AdverseClaimBody, day = DAY, basis?: Digest[]) {
  const sealed = body.evidence.map((each) => each.sealed);
  const named = [body.asset, body.contested, ...sealed, ...(body.timestamps ?? [])];
  return say(log.speak(adverseClaim, by(maker, day, basis ?? named.flatMap((id) => statements.get(id) ?? [])), body));
}

/** What the registrar verified of an authority's reply. */
function stamp(documentDigest: Digest, different: Partial<DocumentTimestampBody> = {}, maker = log.registry) {
  const body = { documentDigest, timestamp: 'MAA=', time: at('2026-05-01'), authority: 'Time', root: anyDigest() };
  const { attestedBy, ...own } = by(maker);
  const common = maker === log.registry ? own : { ...own, attestedBy };
  return say(log.speak(documentTimestamp, common, { ...body, firstAfter: 0, ...different }));
}

const act = (maker: string, id: string, doing: ClaimAct, basis = [statements.get(id)!]) =>
  log.speak(adverseClaimAct, by(maker, DAY, basis), { claim: id, act: doing, reason: null });

const titleRows = () =>
  [...log.rows].filter(([key]) => key.startsWith('title ')).map(([key, row]) => [key, { ...row }]);

beforeEach(() => {
  log = new TestLog();
  statements.clear();
  [ada, ben, emma] = [1, 2, 3].map(() => say(log.makeParty()).id);
  model = register(ada!);
});

describe('an adverse claim', () => {
  test('stands beside title and moves none of it', () => {
    const before = titleRows();
    const { id, changes } = claim(emma!, claiming());
    expect(changes.map(({ table }) => table)).toEqual(['adverse_claim']);
    expect(log.get('adverse_claim', id)).toMatchObject({ claimant: emma, state: 'standing', contested: model });
    expect(titleRows()).toEqual(before);
  });

  test('is filed by anybody on record, and claims may add up to more than the whole', () => {
    for (const party of [ben!, emma!, emma!]) claim(party, claiming({ share: '2/3' }));
    expect([...log.rows.keys()].filter((key) => key.startsWith('adverse_claim '))).toHaveLength(3);
  });

  test('by a party that is not identified is refused', () => {
    expect(() => claim(newId('party'), claiming())).toThrow(refused('not_found', 'maker'));
  });

  test('is not filed for somebody else', () => {
    const unattested = { maker: emma!, statedAt: at(DAY), basis: [statements.get(model)!] };
    expect(() => log.speak(adverseClaim, unattested, claiming())).toThrow(refused('signature_invalid'));
  });

  test.each(['0', '0/1', '-1/4', '3/2', '0.5', '2/4'])('refuses a share of %s', (share) => {
    expect(() => claim(emma!, claiming({ share }))).toThrow(refused('shares_invalid', 'share'));
  });

  test('refuses a denominator beyond the bound', () => {
    expect(() => claim(emma!, claiming({ share: `1/${10 ** 15}` }))).toThrow(refused('share_too_fine', 'share'));
  });

  test('refuses an asset that is not on record', () => {
    expect(() => claim(emma!, claiming({ asset: newId('registration') }))).toThrow(refused('not_found', 'asset'));
  });

  test('refuses a document signed later, and a share that counts later', () => {
    expect(() => claim(emma!, claiming({ executedOn: '2026-06-02' }))).toThrow(refused('invalid_input', 'executedOn'));
    expect(() => claim(emma!, claiming({ effectiveFrom: '2026-06-02' }))).toThrow(
      refused('effective_date_invalid', 'effectiveFrom'),
    );
  });

  test('refuses to contest the record of another asset, and what is not in force', () => {
    const other = register(ben!);
    expect(() => claim(emma!, claiming({ contested: other }))).toThrow(refused('invalid_input', 'contested'));
    const offered = transfer(ada!, ben!);
    expect(() => claim(emma!, claiming({ contested: offered }))).toThrow(refused('state_conflict', 'contested'));
    accept(ben!, offered);
    claim(emma!, claiming({ contested: offered }));
    expect(() => claim(emma!, claiming({ asset: other, contested: offered }))).toThrow(
      refused('state_conflict', 'contested'),
    );
    expect(() => claim(emma!, claiming({ contested: newId('instrument') }))).toThrow(refused('not_found', 'contested'));
  });

  test('leans on what its own claimant opened, and nothing else', () => {
    const digest = anyDigest();
    const mine = seal(emma!, digest);
    const evidence = [{ sealed: mine.id, digest }];
    expect(() => claim(emma!, claiming({ evidence }))).toThrow(refused('not_found', 'evidence.0'));
    mine.open();
    expect(() => claim(ben!, claiming({ evidence }))).toThrow(refused('not_found', 'evidence.0'));
    expect(() => claim(emma!, claiming({ evidence: [{ sealed: mine.id, digest: anyDigest() }] }))).toThrow(
      refused('not_found', 'evidence.0'),
    );
    claim(emma!, claiming({ evidence }));
    expect(() => claim(emma!, claiming({ evidence: [...evidence, ...evidence] }))).toThrow(refused('invalid_input'));
  });

  test('names the statements that it builds on', () => {
    const digest = anyDigest();
    const evidence = [{ sealed: seal(emma!, digest).open(), digest }];
    const all = [model, evidence[0]!.sealed].map((id) => statements.get(id)!);
    for (const left of all) {
      const basis = all.filter((each) => each !== left);
      expect(() => claim(emma!, claiming({ evidence }), DAY, basis)).toThrow(refused('basis_stale', 'basis'));
    }
  });

  test('refuses a window for what is no earlier execution', () => {
    const grace = { edition: '2026-11' as const, rule: 'us-patent' };
    expect(() => claim(emma!, claiming({ grace, jurisdiction: 'US' }))).toThrow(refused('invalid_input', 'grace'));
  });

  test('refuses an id that is taken', () => {
    const { id } = claim(emma!, claiming());
    const again = { ...by(emma!, DAY, [statements.get(model)!]), id };
    expect(() => log.speak(adverseClaim, again, claiming())).toThrow(refused('already_exists', 'id'));
  });
});

describe('a claim to an earlier execution', () => {
  const document = anyDigest();
  const patent = { edition: '2026-11' as const, rule: 'us-patent' };
  const earlier = (evidence: AdverseClaimBody['evidence'], different: Partial<AdverseClaimBody> = {}) =>
    claiming({
      ground: 'earlier-execution',
      documentDigest: document,
      executedOn: '2026-05-10',
      jurisdiction: 'US',
      grace: patent,
      evidence,
      ...different,
    });
  /** Emma's assignment was sealed first, then Ada sold the share to Ben. */
  let contested: string;
  let evidence: AdverseClaimBody['evidence'];

  beforeEach(() => {
    const mine = seal(emma!, document);
    contested = transfer(ada!, ben!);
    accept(ben!, contested);
    evidence = [{ sealed: mine.open(), digest: document }];
  });

  test('is taken inside the window, with a document sealed before, and moves nothing', () => {
    const before = titleRows();
    const { id } = claim(emma!, earlier(evidence, { contested }));
    expect(log.get('adverse_claim', id)).toMatchObject({ contested, state: 'standing' });
    expect(titleRows()).toEqual(before);
  });

  test.each([
    ['us-patent', '2026-08-10', '2026-08-11'],
    ['us-copyright-executed-in-us', '2026-06-10', '2026-06-11'],
    ['us-copyright-executed-abroad', '2026-07-10', '2026-07-11'],
  ])('by %s is taken until %s and refused on %s', (rule, last, late) => {
    const body = earlier(evidence, { contested, grace: { ...patent, rule } });
    claim(emma!, body, last);
    expect(() => claim(emma!, body, late)).toThrow(refused('grace_window_over', 'executedOn'));
  });

  test('is refused in a jurisdiction without a rule, without a rule, and by the rule of another law', () => {
    for (const different of [{ jurisdiction: 'DE' }, { grace: null }, { grace: { ...patent, rule: 'us-trademark' } }]) {
      expect(() => claim(emma!, earlier(evidence, { contested, ...different }))).toThrow(
        refused('grace_window_none', 'grace'),
      );
    }
  });

  test('is refused by a law that was not in force when the document was signed', () => {
    const grace = { ...patent, rule: 'us-copyright-executed-in-us' };
    expect(() => claim(emma!, earlier(evidence, { contested, grace, executedOn: '1977-12-31' }))).toThrow(
      refused('grace_window_none', 'grace'),
    );
  });

  test('is refused when it does not say when, under which law, or what', () => {
    for (const field of ['executedOn', 'jurisdiction', 'documentDigest'] as const) {
      expect(() => claim(emma!, earlier(evidence, { contested, [field]: null }))).toThrow(
        refused('invalid_input', field),
      );
    }
  });

  test('is refused when what it contests was signed before it', () => {
    expect(() => claim(emma!, earlier(evidence, { contested, executedOn: '2026-05-21' }))).toThrow(
      refused('claim_not_earlier', 'executedOn'),
    );
    claim(emma!, earlier(evidence, { contested, executedOn: '2026-05-20' }));
  });

  test('is refused without evidence, and with a sealed record of another document', () => {
    const other = anyDigest();
    const others = [{ sealed: seal(emma!, other).open(), digest: other }];
    for (const leaning of [[], others]) {
      expect(() => claim(emma!, earlier(leaning, { contested }))).toThrow(refused('claim_unsupported', 'evidence'));
    }
  });

  test('is refused with a document that was sealed after the contested record', () => {
    const late = [{ sealed: seal(emma!, document).open(), digest: document }];
    expect(() => claim(emma!, earlier(late, { contested }))).toThrow(refused('claim_support_late', 'evidence'));
    claim(emma!, earlier([...late, ...evidence], { contested }));
  });

  test('is refused with a document that was sealed when the contested offer could be read already', () => {
    const offered = transfer(ada!, ben!);
    const late = [{ sealed: seal(emma!, document).open(), digest: document }];
    accept(ben!, offered);
    expect(() => claim(emma!, earlier(late, { contested: offered }))).toThrow(
      refused('claim_support_late', 'evidence'),
    );
  });

  describe('with a timestamp of an authority', () => {
    const naming = (...timestamps: string[]) => earlier([], { contested, timestamps });
    const offered = () => log.get('instrument', contested)!.recordedIndex;

    test('is taken when the document was stamped before the contested offer, and moves nothing', () => {
      const { id } = stamp(document, { firstAfter: offered() });
      const before = titleRows();
      claim(emma!, naming(id));
      expect(titleRows()).toEqual(before);
    });

    test('is refused when the offer could be read already, unless something else is early enough', () => {
      const late = stamp(document, { firstAfter: offered() + 1 });
      expect(() => claim(emma!, naming(late.id))).toThrow(refused('claim_support_late', 'evidence'));
      claim(emma!, naming(late.id, stamp(document, { firstAfter: 0 }).id));
      claim(emma!, { ...naming(late.id), evidence });
    });

    test('is refused with one that is over another document, unknown, or named twice', () => {
      const other = stamp(anyDigest(), { firstAfter: 0 });
      expect(() => claim(emma!, naming(other.id))).toThrow(refused('digest_mismatch', 'timestamps.0'));
      expect(() => claim(emma!, naming(newId('documenttimestamp')))).toThrow(refused('not_found', 'timestamps.0'));
      const { id } = stamp(document, { firstAfter: 0 });
      expect(() => claim(emma!, naming(id, id))).toThrow(refused('invalid_input'));
    });

    test('names the statement of the timestamp', () => {
      const { id } = stamp(document, { firstAfter: 0 });
      const basis = [model, contested].map((each) => statements.get(each)!);
      expect(() => claim(emma!, naming(id), DAY, basis)).toThrow(refused('basis_stale', 'basis'));
    });
  });

  test('against a registration counts from its entry', () => {
    expect(() => claim(emma!, earlier(evidence, { contested: model }))).toThrow(
      refused('claim_support_late', 'evidence'),
    );
  });
});

describe('the record of a timestamp', () => {
  test('is made by the registrar alone', () => {
    expect(() => stamp(anyDigest(), {}, emma)).toThrow(refused('forbidden', 'maker'));
  });

  test('is refused for a time to come, and for a place that is not there yet', () => {
    stamp(anyDigest(), { time: at(DAY), firstAfter: log.statements.size });
    expect(() => stamp(anyDigest(), { time: `${DAY}T12:00:00.001Z` })).toThrow(refused('proof_invalid', 'timestamp'));
    expect(() => stamp(anyDigest(), { firstAfter: log.statements.size + 1 })).toThrow(
      refused('invalid_input', 'firstAfter'),
    );
  });

  test('is refused without a reply, with what is no base64, and with one that is too large', () => {
    const huge = Buffer.alloc(MAX_TIMESTAMP + 3).toString('base64');
    for (const timestamp of ['', 'MA', 'M A=', huge]) {
      expect(() => stamp(anyDigest(), { timestamp })).toThrow(refused('invalid_input', 'timestamp'));
    }
    stamp(anyDigest(), { timestamp: Buffer.alloc(MAX_TIMESTAMP).toString('base64') });
  });
});

describe('what is done about a claim', () => {
  test('its claimant alone withdraws it, once', () => {
    const { id } = claim(emma!, claiming());
    for (const other of [ada!, ben!]) expect(() => act(other, id, 'withdraw')).toThrow(refused('forbidden', 'maker'));
    const { changes } = act(emma!, id, 'withdraw');
    expect(changes.map(({ table }) => table)).toEqual(['adverse_claim_act', 'adverse_claim']);
    expect(log.get('adverse_claim', id)).toMatchObject({ state: 'withdrawn', endedIndex: log.statements.size - 1 });
    expect(() => act(emma!, id, 'withdraw')).toThrow(refused('state_conflict', 'act'));
    expect(() => act(ada!, id, 'acknowledge')).toThrow(refused('state_conflict', 'act'));
  });

  test('owners acknowledge it, each once, and move nothing by it', () => {
    accept(ben!, transfer(ada!, ben!));
    const before = titleRows();
    const { id } = claim(emma!, claiming());
    act(ada!, id, 'acknowledge');
    expect(() => act(ada!, id, 'acknowledge')).toThrow(refused('state_conflict', 'act'));
    act(ben!, id, 'acknowledge');
    expect(log.get('adverse_claim', id)).toMatchObject({ state: 'acknowledged', acknowledged: [ada, ben] });
    expect(titleRows()).toEqual(before);
    act(emma!, id, 'withdraw');
  });

  test('strangers, former owners and the claimant do not acknowledge it', () => {
    for (let i = 0; i < 2; i++) accept(ben!, transfer(ada!, ben!));
    const { id } = claim(emma!, claiming());
    for (const nobody of [ada!, emma!])
      expect(() => act(nobody, id, 'acknowledge')).toThrow(refused('forbidden', 'maker'));
    const own = claim(ben!, claiming());
    expect(() => act(ben!, own.id, 'acknowledge')).toThrow(refused('forbidden', 'maker'));
  });

  test('names the claim, which has to be on record', () => {
    const { id } = claim(emma!, claiming());
    expect(() => act(emma!, id, 'withdraw', [])).toThrow(refused('basis_stale', 'basis'));
    const missing = newId('adverseclaim');
    statements.set(missing, statements.get(model)!);
    expect(() => act(emma!, missing, 'withdraw')).toThrow(refused('not_found', 'claim'));
  });

  test('refuses an id that is taken', () => {
    accept(ben!, transfer(ada!, ben!));
    const { id } = claim(emma!, claiming());
    const made = act(ada!, id, 'acknowledge');
    const again = { ...by(ben!, DAY, [statements.get(id)!]), id: made.id };
    expect(() => log.speak(adverseClaimAct, again, { claim: id, act: 'acknowledge', reason: null })).toThrow(
      refused('already_exists', 'id'),
    );
  });
});

/**
 * What may be done with a model, and what must be done for it, from the licenses of its whole lineage. What is permitted
 * is what every license permits; the duties are those of all of them. The verdict on an intended use is the worst that
 * any license gives: BLOCK, then CONFLICT, then UNKNOWN, then OK. What no rule speaks of is UNKNOWN and permits nothing.
 *
 * Where an ancestor leaves a choice of licenses, the least burdensome for the use is taken, for each place of each
 * ancestor by itself: so one ancestor more never takes a duty away nor betters a verdict. The model's own choice is
 * another matter: it is offered under each of its licenses, so each has to be one that its ancestors allow.
 */
import { ACTIONS } from './actions.ts';
import { contradictedAmong, doubted } from './contradicted.ts';
import type { LicenseTree } from './expression.ts';
import { licenseTree, NO_ASSERTION } from './expression.ts';
import type { Choice, Finding, IntendedUse, Judgement, Obligations, Question, Verdict } from './judgement.ts';
import { VERDICTS, worstFirst } from './judgement.ts';
import type { Reached, Step } from './lineage.ts';
import { pathTo, walk } from './lineage.ts';
import type { RuleEdition } from './rules/index.ts';
import { CURRENT_RULES, RULES } from './rules/index.ts';
import type { Action, Effect, Mode, Place, Rule, RuleFamily } from './rules/rule.ts';

/** @throws RegistryError `not_found`, `license_unknown` */
export function obligationsOf({ lineage, model, use, on, edition = CURRENT_RULES }: Question): Obligations {
  const reached = walk(lineage, model);
  const expressions = new Map(lineage.nodes.map(({ id, license }) => [id, license ?? NO_ASSERTION]));
  const judge = (mode: Mode) => new Judge(edition, mode, on, use).judge(reached, expressions);
  const contradicted = contradictedAmong(lineage, reached);
  const conservative = doubted(judge('conservative'), contradicted, reached);
  return { edition, on, contradicted, conservative, permissive: judge('permissive') };
}

/** One rule on one license in one place. */
interface Hit {
  readonly license: string;
  readonly place: Place;
  readonly rule: Rule | null;
  readonly family: RuleFamily | null;
  readonly effect: Effect;
}

interface Taken {
  readonly hits: readonly Hit[];
  readonly licenses: readonly string[];
  readonly chosen: boolean;
}

interface Sighting {
  readonly hit: Hit;
  readonly at: Reached[];
}

class Judge {
  private readonly families = new Map<string, RuleFamily[]>();
  private readonly unread: ReadonlyMap<string, string>;
  private readonly takenBefore = new Map<string, Taken>();

  constructor(
    edition: RuleEdition,
    private readonly mode: Mode,
    on: string,
    private readonly use: IntendedUse,
  ) {
    const { families, unread } = RULES[edition];
    this.unread = new Map(unread.map(({ license, why }) => [license, why]));
    for (const family of families) {
      const { validFrom, validTo } = family;
      if ((validFrom !== null && on < validFrom) || (validTo !== null && on > validTo)) continue;
      for (const license of family.licenses) {
        this.families.set(license, [...(this.families.get(license) ?? []), family]);
      }
    }
  }

  judge(reached: readonly Reached[], expressions: ReadonlyMap<string, string>): Judgement {
    const sightings = new Map<string, Sighting>();
    const choices: Choice[] = [];
    for (const at of reached) {
      const expression = expressions.get(at.node) ?? NO_ASSERTION;
      const taken = this.take(expression, at.place);
      if (taken.chosen) choices.push({ node: at.node, place: at.place, expression, taken: taken.licenses });
      for (const hit of taken.hits) {
        const key = `${hit.rule?.id} ${hit.license} ${hit.rule === null ? hit.place : ''}`;
        const known = sightings.get(key);
        if (known === undefined) sightings.set(key, { hit, at: [at] });
        else known.at.push(at);
      }
    }
    const all = [...sightings.values()];
    const model = { id: reached[0]!.node, tree: licenseTree(expressions.get(reached[0]!.node)!) };
    const obstacles = [...this.obstacles(all), ...this.conflicts(all, model)].sort(worstFirst);
    return {
      verdict: obstacles[0]?.verdict ?? 'OK',
      permissions: permissionsOf(all),
      duties: all.flatMap((sighting) => this.duty(sighting)),
      prohibitions: all.flatMap((sighting) => this.prohibition(sighting)),
      obstacles,
      choices,
    };
  }

  /** The rules on an expression in a place, after the licensee has chosen. */
  private take(expression: string, place: Place): Taken {
    const key = `${place} ${expression}`;
    const known = this.takenBefore.get(key);
    if (known !== undefined) return known;
    const taken = this.takeTree(licenseTree(expression), place);
    this.takenBefore.set(key, taken);
    return taken;
  }

  private takeTree(tree: LicenseTree, place: Place): Taken {
    if ('license' in tree) {
      return { hits: this.hits(tree.license, place), licenses: [tree.license], chosen: false };
    }
    const left = this.takeTree(tree.left, place);
    const right = this.takeTree(tree.right, place);
    if (tree.conjunction === 'and') {
      return {
        hits: [...left.hits, ...right.hits],
        licenses: [...left.licenses, ...right.licenses],
        chosen: left.chosen || right.chosen,
      };
    }
    return { ...(this.isLighter(right, left) ? right : left), chosen: true };
  }

  private isLighter(a: Taken, b: Taken): boolean {
    const [x, y] = [this.burden(a), this.burden(b)];
    const i = x.findIndex((weight, at) => weight !== y[at]);
    return i !== -1 && x[i]! < y[i]!;
  }

  /** The verdict first, then what is bound to one license, then what is forbidden, then the number of duties. */
  private burden({ hits }: Taken): number[] {
    const count = (...kinds: Effect['does'][]) => hits.filter(({ effect }) => kinds.includes(effect.does)).length;
    return [
      Math.max(0, ...hits.map(({ effect }) => VERDICTS.indexOf(this.verdictOf(effect)))),
      count('same-license'),
      count('forbid', 'forbid-commercial', 'restrict', 'conflict'),
      count('duty'),
    ];
  }

  private hits(license: string, place: Place): Hit[] {
    const hits = (this.families.get(license) ?? []).flatMap((family) =>
      family.rules
        .filter(({ places, modes }) => places.includes(place) && modes.includes(this.mode))
        .map((rule): Hit => ({ license, place, rule, family, effect: rule.effect })),
    );
    if (hits.length > 0) return hits;
    const why =
      this.unread.get(license) ??
      (this.families.has(license) ? 'No rule speaks of it in this place.' : 'There are no rules for this license.');
    return [{ license, place, rule: null, family: null, effect: { does: 'unknown', why } }];
  }

  private does = (actions: readonly Action[]): boolean => actions.some((action) => this.use.actions.includes(action));

  /** By itself, without what else is in the lineage. */
  private verdictOf(effect: Effect): Verdict {
    if (effect.does === 'unknown') return 'UNKNOWN';
    if (effect.does === 'forbid') return this.does(effect.actions) ? 'BLOCK' : 'OK';
    if (effect.does === 'forbid-commercial') return this.use.commercial ? 'BLOCK' : 'OK';
    return 'OK';
  }

  private obstacles(all: readonly Sighting[]): Finding[] {
    return all.flatMap((sighting) => {
      const { effect, license } = sighting.hit;
      const verdict = this.verdictOf(effect);
      if (verdict === 'OK') return [];
      const at = sighting.at[0]!.node;
      const wayOut =
        effect.does === 'unknown'
          ? `Have the rights-holder of "${at}" say in writing what is allowed, or replace "${at}".`
          : `Obtain written consent of the rights-holder of "${at}", or replace "${at}".`;
      return [finding(sighting, verdict, prohibition(effect), wayOut, `${license} stands in the way.`)];
    });
  }

  private duty(sighting: Sighting): Finding[] {
    const { effect } = sighting.hit;
    if (effect.does === 'duty' || effect.does === 'restrict') {
      if (!this.does(effect.on)) return [];
      return [finding(sighting, 'OK', effect.duty, null, 'The use brings this duty with it.')];
    }
    if (effect.does === 'same-license' && this.does(effect.on)) {
      return [finding(sighting, 'OK', under(effect.accepts), null, 'The use brings this duty with it.')];
    }
    return [];
  }

  private prohibition(sighting: Sighting): Finding[] {
    const { effect } = sighting.hit;
    if (effect.does !== 'forbid' && effect.does !== 'forbid-commercial') return [];
    const verdict = this.verdictOf(effect);
    return [finding(sighting, verdict, prohibition(effect), null, 'It holds for whoever gets the model.')];
  }

  private conflicts(all: readonly Sighting[], model: { id: string; tree: LicenseTree }): Finding[] {
    const bound = all.filter(({ hit: { effect } }) => effect.does === 'same-license' && this.does(effect.on));
    return [
      ...this.betweenLicenses(all, bound, model.tree),
      ...bound.flatMap((sighting) => againstOwn(sighting, model)),
      ...amongBound(bound),
    ];
  }

  /** Rules that say of a license that it cannot be met beside another. */
  private betweenLicenses(all: readonly Sighting[], bound: readonly Sighting[], own: LicenseTree): Finding[] {
    const limiting = all.filter(({ hit: { effect } }) => LIMITS.has(effect.does));
    const beside = new Set([...[...bound, ...limiting].map(({ hit }) => hit.license), ...licensesOf(own)]);
    return all.flatMap((sighting) => {
      const { effect, license } = sighting.hit;
      if (effect.does !== 'conflict' || !this.does(effect.on)) return [];
      const others = effect.with.filter((other) => beside.has(other)).sort();
      if (others.length === 0) return [];
      return [
        finding(
          sighting,
          'CONFLICT',
          `${license} cannot be met together with ${others.join(', ')}.`,
          `Obtain written consent of the rights-holder of "${sighting.at[0]!.node}" to other terms, or replace it or what is under ${others.join(', ')}.`,
          'Both bind whoever makes this use.',
        ),
      ];
    });
  }
}

const LIMITS: ReadonlySet<Effect['does']> = new Set(['restrict', 'forbid', 'forbid-commercial']);

/** A model that has to be under one of these licenses, and is offered under another. */
function againstOwn(sighting: Sighting, model: { id: string; tree: LicenseTree }): Finding[] {
  const { effect, license } = sighting.hit;
  if (effect.does !== 'same-license' || isUnder(model.tree, effect.accepts)) return [];
  const wayOut = `Offer "${model.id}" under ${effect.accepts.join(' or ')}, obtain written consent of the rights-holder of "${sighting.at[0]!.node}", or replace it.`;
  return [
    finding(
      sighting,
      'CONFLICT',
      under(effect.accepts),
      wayOut,
      `${license} leaves no room for the model's own license.`,
    ),
  ];
}

/** Licenses that each want to be the model's license, where no license satisfies all. */
function amongBound(bound: readonly Sighting[]): Finding[] {
  const accepts = ({ hit: { effect } }: Sighting) => (effect.does === 'same-license' ? effect.accepts : []);
  if (bound.length < 2 || accepts(bound[0]!).some((each) => bound.every((one) => accepts(one).includes(each)))) {
    return [];
  }
  const names = [...new Set(bound.map(({ hit }) => hit.license))].sort();
  return bound.map((sighting) =>
    finding(
      sighting,
      'CONFLICT',
      under(accepts(sighting)),
      `Obtain written consent of the rights-holder of "${sighting.at[0]!.node}" to another license, or replace it.`,
      `No license satisfies all of ${names.join(', ')}.`,
    ),
  );
}

/** Somebody who stated no license is told so by another finding. */
function isUnder(tree: LicenseTree, accepts: readonly string[]): boolean {
  if ('license' in tree) return tree.license === NO_ASSERTION || accepts.includes(tree.license);
  const [left, right] = [isUnder(tree.left, accepts), isUnder(tree.right, accepts)];
  return tree.conjunction === 'or' ? left && right : left || right;
}

const licensesOf = (tree: LicenseTree): string[] =>
  'license' in tree ? [tree.license] : [...licensesOf(tree.left), ...licensesOf(tree.right)];

function permissionsOf(all: readonly Sighting[]): Judgement['permissions'] {
  const effects = all.map(({ hit }) => hit.effect);
  if (effects.some(({ does }) => does === 'unknown')) return { actions: [], commercial: false };
  const forbidden = new Set(effects.flatMap((effect) => (effect.does === 'forbid' ? effect.actions : [])));
  return {
    actions: ACTIONS.filter((action) => !forbidden.has(action)),
    commercial: effects.every(({ does }) => does !== 'forbid-commercial'),
  };
}

const under = (licenses: readonly string[]): string => `Pass the model on under ${licenses.join(' or ')} alone.`;

function prohibition(effect: Effect): string {
  if (effect.does === 'unknown') return effect.why;
  if (effect.does === 'forbid') return `It does not allow to ${effect.actions.join(', ')}.`;
  return 'It allows no commercial use.';
}

function finding(sighting: Sighting, verdict: Verdict, text: string, wayOut: string | null, why: string): Finding {
  const { hit, at } = sighting;
  const nearest = at[0]!;
  const path = pathTo(nearest);
  return {
    verdict,
    rule: hit.rule?.id ?? null,
    does: hit.effect.does,
    license: hit.license,
    clause: hit.rule?.clause ?? null,
    source: hit.family?.source ?? null,
    text,
    asks: verdict === 'OK' && 'asks' in hit.effect ? hit.effect.asks : [],
    wayOut,
    from: [...new Set(at.map(({ node }) => node))],
    place: nearest.place,
    path,
    explanation: `${origin(hit.license, nearest, path)} ${why} ${text}`,
  };
}

function origin(license: string, { node }: Reached, path: readonly Step[]): string {
  const stated = license === NO_ASSERTION ? 'nobody stated a license' : `the license is ${license}`;
  if (path.length === 0) return `For the model "${node}" itself ${stated}.`;
  const MOST = 5;
  const shown = path.length <= MOST ? path : [...path.slice(0, 2), null, ...path.slice(-2)];
  const steps = shown.map((step) => (step === null ? '…' : `${step.relation} "${step.node}"`));
  return `The model is ${steps.join(', which is ')}, for which ${stated}.`;
}

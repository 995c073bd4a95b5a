/**
 * SPDX license expressions (SPDX 3.0, annex B), checked against the SPDX license list. `LicenseRef-*` names a license
 * outside the list, whose text travels by digest; `NOASSERTION` says that nobody stated one.
 */
import parse from 'spdx-expression-parse';
import { RegistryError } from '../errors.ts';

export const NO_ASSERTION = 'NOASSERTION';
const MAX_LENGTH = 1000;

/** An expression as a tree; a leaf is a license with its `+` and its exception, which make it another license. */
export type LicenseTree = { license: string } | { conjunction: 'and' | 'or'; left: LicenseTree; right: LicenseTree };

type Node = ReturnType<typeof parse>;

/**
 * The license ids that an expression names, in order of appearance, each once.
 * @throws RegistryError `license_unknown` for an unknown id or a malformed expression
 */
export function licenseIds(expression: string, field = 'license.expression'): string[] {
  if (expression === NO_ASSERTION) return [NO_ASSERTION];
  return [...new Set(idsOf(parseNode(expression, field)))];
}

/** @throws RegistryError `license_unknown` for an unknown id or a malformed expression */
export const licenseTree = (expression: string, field = 'license.expression'): LicenseTree =>
  expression === NO_ASSERTION ? { license: NO_ASSERTION } : treeOf(parseNode(expression, field));

export const isLicenseRef = (id: string): boolean => id.startsWith('LicenseRef-') || id.startsWith('DocumentRef-');

/** Expressions that parse: nearly all registrations name one of a few. */
const parsed = new Map<string, Node>();
const MAX_PARSED = 1000;

function parseNode(expression: string, field: string): Node {
  const known = parsed.get(expression);
  if (known !== undefined) return known;
  const refuse = (why: string, cause?: unknown) =>
    new RegistryError('license_unknown', `"${expression.slice(0, 80)}" is not an SPDX license expression: ${why}.`, {
      field,
      fix: 'Use an id from spdx.org/licenses such as "Apache-2.0", or "LicenseRef-<name>" for a license of your own.',
      cause,
    });
  if (expression.length > MAX_LENGTH) throw refuse(`it is longer than ${MAX_LENGTH} characters`);
  let node: Node;
  try {
    node = parse(expression);
  } catch (cause) {
    throw refuse('it holds an unknown license or does not parse', cause);
  }
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(expression, node);
  return node;
}

function idsOf(node: Node): string[] {
  return 'conjunction' in node ? [...idsOf(node.left), ...idsOf(node.right)] : [node.license];
}

function treeOf(node: Node): LicenseTree {
  if ('conjunction' in node) {
    return { conjunction: node.conjunction, left: treeOf(node.left), right: treeOf(node.right) };
  }
  const exception = node.exception === undefined ? '' : ` WITH ${node.exception}`;
  return { license: `${node.license}${node.plus ? '+' : ''}${exception}` };
}

/**
 * Whether a license leaves what is under it free, by three lists: the Open Definition (licenses.opendefinition.org), the Free
 * Software Foundation as the SPDX license list has it, and the categories of ScanCode's LicenseDB (CC-BY-4.0, © nexB and
 * contributors). All three are in PyPI's licence-normaliser.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Label, LabelledCase } from '../../../scripts/license-labels.ts';
import { QUESTIONS } from '../../../scripts/license-labels.ts';
import { CURRENT_RULES, RULES } from '../../../src/core/licensing/rules/index.ts';

export interface List {
  readonly title: string;
  readonly cases: readonly LabelledCase[];
}

const OPEN_DEFINITION: Readonly<Record<string, Label>> = { approved: 'allowed', rejected: 'barred' };
const SCANCODE: Readonly<Record<string, Label>> = {
  'Public Domain': 'allowed',
  Permissive: 'allowed',
  'Copyleft Limited': 'allowed',
  Copyleft: 'allowed',
  'Non-Commercial': 'barred',
  'Source-available': 'barred',
  'Free Restricted': 'barred',
  'Proprietary Free': 'barred',
};
/** What LicenseDB calls licenses that SPDX has no id for. */
const SCANCODE_NAMES: Readonly<Record<string, string>> = {
  'LicenseRef-scancode-bigscience-rail-1.0': 'LicenseRef-BigScience-BLOOM-RAIL-1.0',
  'LicenseRef-scancode-bigscience-open-rail-m': 'LicenseRef-BigScience-OpenRAIL-M',
  'LicenseRef-scancode-llama-2-license-2023': 'LicenseRef-Llama-2',
  'LicenseRef-scancode-llama-3.1-license-2024': 'LicenseRef-Llama-3.1',
  'LicenseRef-scancode-llama-3.2-license-2024': 'LicenseRef-Llama-3.2',
  'LicenseRef-scancode-llama-3.3-license-2024': 'LicenseRef-Llama-3.3',
  'LicenseRef-scancode-llama-4-license-2025': 'LicenseRef-Llama-4',
  'LicenseRef-scancode-gemma-tou-2025-03-24': 'LicenseRef-Gemma',
};

interface OpenDefinition {
  readonly id: string;
  readonly od_conformance?: string;
}
interface Spdx {
  readonly licenses: readonly { readonly licenseId: string; readonly isFsfLibre?: boolean }[];
}
interface ScanCode {
  readonly spdx_license_key: string | null;
  readonly category?: string;
}

/** @param folder that holds the package */
export function readLists(folder: string): List[] {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(folder, 'licence_normaliser', 'data', name, `${name}.json`), 'utf8'));
  const openDefinition = Object.values(read('opendefinition') as Record<string, OpenDefinition>);
  const spdx = (read('spdx') as Spdx).licenses;
  const scanCode = read('scancode_licensedb') as ScanCode[];
  return [
    list(
      'Open Definition (Open Knowledge Foundation)',
      openDefinition.map((one) => [one.id, OPEN_DEFINITION[one.od_conformance ?? '']]),
    ),
    list(
      'Free Software Foundation, by the SPDX list',
      spdx.map(({ licenseId, isFsfLibre }) => [
        licenseId,
        isFsfLibre === undefined ? undefined : isFsfLibre ? 'allowed' : 'barred',
      ]),
    ),
    list(
      'ScanCode LicenseDB, categories',
      scanCode.map(({ spdx_license_key: key, category }) => [
        SCANCODE_NAMES[key ?? ''] ?? key ?? '',
        SCANCODE[category ?? ''],
      ]),
    ),
  ];
}

/** Licenses that the rules name, each once, with its present id. */
function list(title: string, labels: readonly (readonly [string, Label | undefined])[]): List {
  const cases = labels.flatMap(([name, label]): LabelledCase[] => {
    const license = known.get(name.toLowerCase());
    if (license === undefined || label === undefined) return [];
    return [{ id: `${title}: ${license}`, source: title, label, ...QUESTIONS['changed-and-free'](license) }];
  });
  return { title, cases };
}

const { families, unread } = RULES[CURRENT_RULES];
const hasNewerId = /^(?:AGPL|GPL|LGPL)-\d\.\d$/;
const known = new Map(
  [...families.flatMap(({ licenses }) => licenses), ...unread.map(({ license }) => license)]
    .filter((license) => !hasNewerId.test(license))
    .map((license) => [license.toLowerCase(), license]),
);

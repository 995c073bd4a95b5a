/** The texts of the licenses on the SPDX list. */
import { createRequire } from 'node:module';
import spdxLicenses from 'spdx-license-list';
import type { LicenseText } from '../core/licensing/release.ts';
import { utf8 } from '../core/bytes.ts';
import { formatDigest } from '../core/digest.ts';
import { sha256 } from '../platform/crypto.ts';

const load = createRequire(import.meta.url);

/** Null for one that is not on the list. A `+` is another grant under the same text; an exception has a text of its own. */
export function spdxText(license: string): LicenseText | null {
  const id = license.replace(/\+$/, '');
  if (!Object.hasOwn(spdxLicenses, id)) return null;
  const { licenseText: text } = load(`spdx-license-list/licenses/${id}.json`) as { licenseText: string };
  return { license, text, digest: formatDigest(sha256(utf8(text))) };
}

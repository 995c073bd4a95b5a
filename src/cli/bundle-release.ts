/**
 * The texts that go with a model when it is released, written into a folder: made from what is on record, and from what
 * only the owner has. They are made here, by the same function by which the registry tells what is missing.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { LicenseText, Release } from '../core/licensing/release.ts';
import { releaseOf } from '../core/licensing/release.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { readBytes, readText } from './settings.ts';
import { inOneLine } from './table.ts';
import type { ReleaseView } from './views.ts';

export interface BundleFacts {
  out: string;
  /** `ID=FILE` */
  text?: string[];
  /** `ANCESTOR=FILE` */
  notice?: string[];
  /** `ANCESTOR=TEXT` */
  attribution?: string[];
  changes?: string;
  done?: string[];
}

export async function bundleRelease(context: Context, model: string, facts: BundleFacts): Promise<Release> {
  const own: LicenseText[] = [];
  for (const [license, file] of pairs(facts.text, 'text')) own.push(await licenseText(license, file));
  const notices = new Map<string, string>();
  for (const [ancestor, file] of pairs(facts.notice, 'notice')) notices.set(ancestor, await readText(file));
  const changes = facts.changes === undefined ? null : await readText(facts.changes);
  await requireEmpty(facts.out);

  const id = await findAnyModel(context, model);
  const client = await context.client();
  const { basis, texts } = await client.get<ReleaseView>(`/v1/models/${encodeURIComponent(id)}/release`);
  const release = releaseOf(basis, {
    texts: [...texts.filter(({ license }) => !own.some((given) => given.license === license)), ...own],
    notices,
    attributions: new Map(pairs(facts.attribution, 'attribution')),
    changes,
    done: new Set(facts.done),
  });
  for (const { name, text } of release.files) {
    const path = join(facts.out, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
  }
  return release;
}

export function describeRelease({ fit, missing, files }: Release, out: string): string {
  return [
    ...files.map(({ name }) => `${join(out, name)}\n`),
    ...missing.flatMap(({ what, text, fix }) => [`missing ${what}: ${inOneLine(text)}\n`, `  ${inOneLine(fix)}\n`]),
    fit ? 'Fit for release: nothing is missing.\n' : `Not fit for release: ${missing.length} things are missing.\n`,
  ].join('');
}

async function licenseText(license: string, file: string): Promise<LicenseText> {
  const bytes = await readBytes(file);
  return { license, text: new TextDecoder().decode(bytes), digest: formatDigest(sha256(bytes)) };
}

/** @throws RegistryError `usage` */
function pairs(given: readonly string[] = [], option: string): [string, string][] {
  return given.map((pair) => {
    const at = pair.indexOf('=');
    if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new RegistryError('usage', `"${pair}" does not say what it is for.`, {
      field: option,
      fix: `Write --${option} ID=VALUE.`,
    });
  });
}

/** Texts of another release would pass for those of this one. */
async function requireEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return;
  throw new RegistryError('usage', `${folder} holds something already.`, {
    field: 'out',
    fix: 'Name a folder that is empty, or that is not there yet.',
  });
}

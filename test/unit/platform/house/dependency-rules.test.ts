import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const house = mkdtempSync(join(tmpdir(), 'house-'));
afterAll(() => rmSync(house, { recursive: true }));

/** A small house; what follows `→` in a comment is the rule that the file breaks. */
const FILES: Record<string, string> = {
  'src/core/bytes.ts': 'export const bytes = 1;',
  'src/core/fine.ts':
    "import { z } from 'zod'; import { sha256 } from '@noble/hashes/sha2.js'; import './bytes.ts'; export { sha256, z };",
  'src/core/reads-files.ts': "import 'node:fs'; // → core-is-pure",
  'src/core/asks-nest.ts': "import '@nestjs/common'; // → core-is-pure",
  'src/core/climbs.ts': "import '../ledger/index.ts'; // → core-is-pure floor-core",
  'src/platform/fine.ts': "import '../core/bytes.ts'; import '../../migrations/index.ts';",
  'src/platform/climbs.ts': "import '../ledger/index.ts'; // → platform-knows-no-feature floor-platform",
  'src/ledger/index.ts': "import '../core/bytes.ts'; import './ledger.store.ts'; export const ledger = 1;",
  'src/ledger/ledger.store.ts': "import 'typeorm'; export const store = 1;",
  'src/ledger/climbs.ts': "import '../parties/index.ts'; // → floor-ledger",
  'src/parties/index.ts': "import '../ledger/index.ts';",
  'src/parties/digs.ts': "import '../ledger/ledger.store.ts'; // → feature-through-its-index",
  'src/datasets/index.ts': "import '../parties/index.ts';",
  'src/models/index.ts': 'export const models = 1;',
  'src/models/beside.ts': "import '../datasets/index.ts'; // → floor-models",
  'src/models/model.service.ts': "import 'typeorm'; // → typeorm-in-its-place",
  'src/models/typed.service.ts': "import type { EntityManager } from 'typeorm'; export type M = EntityManager;",
  'src/models/trains.ts': "import '@tensorflow/tfjs-core'; // → tensorflow-in-training",
  'src/models/signs.ts': "import 'jsonwebtoken'; // → jsonwebtoken-in-tokens",
  'src/models/round.ts': "import './about.ts'; export const round = 1;",
  'src/models/about.ts': "import './round.ts'; export const about = 1; // → no-cycles",
  'src/models/lost.ts': "import './nowhere.ts'; // → resolvable",
  'src/training/index.ts': "import '@tensorflow/tfjs-core'; import '../runs/index.ts';",
  'src/runs/index.ts': 'export const runs = 1;',
  'src/runs/climbs.ts': "import '../training/index.ts'; // → floor-runs",
  'src/tokens/index.ts': "import 'jsonwebtoken';",
  'src/cli/client.ts': "import '../core/bytes.ts'; import 'commander'; void import('../main.ts');",
  'src/cli/slow.ts': "import '../main.ts'; // → cli-starts-fast",
  'src/cli/nest.ts': "import '@nestjs/core'; // → cli-starts-fast",
  'src/main.ts': "import './ledger/index.ts'; import '@nestjs/core';",
  'src/models/tests.ts': "import 'supertest'; // → declared-packages",
  'migrations/index.ts': "import 'typeorm'; export const MIGRATIONS = [];",
  'migrations/0002-leans.ts': "import '../src/core/bytes.ts'; // → migrations-stand-alone",
};

describe('the rules between the folders', () => {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${text}\n`);
  }
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    copyFileSync(join(root, file), join(house, file));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'json',
      'src',
      'migrations',
    ],
    { cwd: house, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const report = JSON.parse(stdout || JSON.stringify({ failed: stderr })) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  const broken = (path: string) => [
    ...new Set(report.summary.violations.filter(({ from }) => from === path).map(({ rule }) => rule.name)),
  ];

  it.each(Object.entries(FILES))('judge %s', (path, text) => {
    expect(broken(path).sort()).toEqual((/→ (.+)$/.exec(text)?.[1] ?? '').split(' ').filter(Boolean).sort());
  });
});

/**
 * Who may import whom. The floors of the house, from the ground up: each stands only on those before it.
 * `npm run depcruise` checks; test/unit/platform/house/dependency-rules.test.ts proves that each rule bites.
 */
const FLOORS = [
  ['core'],
  ['platform', 'pdf'],
  ['ledger', 'witness'],
  ['parties'],
  ['compute', 'datasets', 'models', 'sealed'],
  ['behaviours', 'fingerprints', 'runs', 'titles', 'licenses', 'protection'],
  ['tokens', 'training'],
  ['artifacts', 'usage'],
  ['disputes'],
  ['provenance'],
  ['webhooks'],
  ['exchange'],
];

/** Libraries without I/O that `core` may use; it runs in a browser too. */
const PURE = [
  'zod',
  '@noble/',
  '@zip.js/zip\\.js',
  'asn1js/',
  'pkijs/',
  'spdx-expression-parse',
  'spdx-license-ids',
  'spdx-exceptions',
  'munkres/',
];

const folders = FLOORS.flat();
const features = folders.slice(folders.indexOf('parties'));
const any = (names) => `(?:${names.join('|')})`;
const inPackage = (names) => `(?:^|/)node_modules/${any(names)}`;
/** `import type` leaves nothing behind at run time. */
const AT_RUN_TIME = { dependencyTypesNot: ['type-only'] };

const floorRules = FLOORS.flatMap((floor, level) =>
  floor.map((name) => ({
    name: `floor-${name}`,
    comment: `${name} stands only on the floors before it`,
    severity: 'error',
    from: { path: `^src/${name}/` },
    to: {
      path: '^src/',
      pathNot: `^src/${any([name, ...FLOORS.slice(0, level).flat()])}/`,
    },
  })),
);

module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: 'core-is-pure',
      comment: 'core imports itself and a few pure libraries: no Nest, no TypeORM, nothing of Node',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: ['^src/core/', inPackage(PURE)] },
    },
    {
      name: 'platform-knows-no-feature',
      comment: 'platform imports core and, to run them, the migrations',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: {
        path: '^(?:src|migrations|scripts|bench)/',
        pathNot: ['^src/(?:core|platform)/', '^migrations/index\\.ts$'],
      },
    },
    {
      name: 'feature-through-its-index',
      comment:
        'a feature is reached through its index.ts, or that of one of its folders; the list of entities names the files themselves',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '^src/core/' },
      to: {
        path: `^src/${any(['ledger', ...features])}/`,
        // The reader of datasets' files: training's index would load the engine into a client.
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/[^/]+/[^/]+/index\\.ts$', '^src/training/idx\\.ts$'],
      },
    },
    {
      name: 'no-cycles',
      comment: 'circular modules load in an order that nobody sees',
      severity: 'error',
      from: { path: '^(?:src|migrations)/' },
      to: { circular: true, viaOnly: AT_RUN_TIME },
    },
    {
      name: 'typeorm-in-its-place',
      comment: 'SQL lives in stores; entities, modules and the data source declare it',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['\\.(?:entity|store|module)\\.ts$', '^src/platform/database/', '^src/data-source\\.ts$'],
      },
      to: { path: inPackage(['typeorm/', '@nestjs/typeorm/']), ...AT_RUN_TIME },
    },
    {
      name: 'tensorflow-in-training',
      severity: 'error',
      comment: 'one place loads a training backend',
      from: { path: '^(?:src|migrations)/', pathNot: '^src/training/' },
      to: { path: inPackage(['@tensorflow/']) },
    },
    {
      name: 'jsonwebtoken-in-tokens',
      severity: 'error',
      comment: 'one strict wrapper around JWT',
      from: { path: '^(?:src|migrations|scripts)/', pathNot: '^src/tokens/' },
      to: { path: inPackage(['jsonwebtoken/', '@types/jsonwebtoken/']) },
    },
    {
      name: 'migrations-stand-alone',
      severity: 'error',
      comment: 'a migration must do the same for ever, whatever becomes of the code',
      from: { path: '^migrations/' },
      to: { path: '^(?:src|scripts|bench|test)/' },
    },
    {
      name: 'cli-starts-fast',
      severity: 'error',
      comment: 'client commands load no server: serve, worker, migrate, doctor and fsck import it when they run',
      from: { path: '^src/cli/' },
      to: {
        path: [inPackage(['@nestjs/', 'typeorm/', 'pg/', 'pg-boss/', 'fastify/']), '^src/'],
        pathNot: ['^src/(?:cli|core)/', '^src/platform/(?:version|crypto)\\.ts$'],
        dynamic: false,
        ...AT_RUN_TIME,
      },
    },
    {
      name: 'declared-packages',
      severity: 'error',
      comment: 'what the program needs at run time is in its dependencies',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        ...AT_RUN_TIME,
        pathNot: inPackage(['@types/']),
      },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'every import leads somewhere; a package that is optional is declared as such',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@tensorflow/tfjs-node' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};

/**
 * The command line as a whole: which commands there are, the options they share, and how an error becomes a sentence
 * and an exit code. A command's module is loaded when it is called, so that `--version` and `hash` start at once.
 */
import { Command, CommanderError } from 'commander';
import { RegistryError } from '../core/errors.ts';
import { VERSION } from '../platform/version.ts';
import { Context } from './context.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import type { Io } from './io.ts';
import type { Flags } from './settings.ts';
import { printable } from './table.ts';

interface CommandModule {
  /** Adds the command, with the name it has in the list below. */
  readonly define: (program: Command, context: Context) => void;
}

interface Entry {
  name: string;
  summary: string;
  group: string;
  readonly load: () => Promise<CommandModule>;
}

const USE = 'Put on record and look up';
const TITLE = 'Title';
const LICENSE = 'License';
const TRUST = 'Check without trusting anybody';
const SELF = 'Who you are';
const RUN = 'Run a registry';

export const COMMANDS: readonly Entry[] = [
  {
    name: 'lookup',
    summary: 'whose model is this, from what, on which terms',
    group: USE,
    load: () => import('./commands/lookup.ts'),
  },
  {
    name: 'hash',
    summary: "a model file's digests; nothing leaves this machine",
    group: USE,
    load: () => import('./commands/hash.ts'),
  },
  {
    name: 'similar',
    summary: 'models on record that a model is a near copy of',
    group: USE,
    load: () => import('./commands/similar.ts'),
  },
  {
    name: 'fingerprint',
    summary: 'by which near copies of a model are found',
    group: USE,
    load: () => import('./commands/fingerprint.ts'),
  },
  {
    name: 'dataset',
    summary: 'put a dataset on record, or show what is',
    group: USE,
    load: () => import('./commands/dataset.ts'),
  },
  {
    name: 'train',
    summary: 'train a model and put it on record with what it was made from',
    group: USE,
    load: () => import('./commands/train.ts'),
  },
  {
    name: 'replay',
    summary: 'train a model again from its record, and compare every epoch',
    group: USE,
    load: () => import('./commands/replay.ts'),
  },
  {
    name: 'behaviour',
    summary: 'find copies that share no weights with a model, by what they answer',
    group: USE,
    load: () => import('./commands/behaviour.ts'),
  },
  {
    name: 'register',
    summary: 'put a model that you already have on record',
    group: USE,
    load: () => import('./commands/register.ts'),
  },
  {
    name: 'fetch',
    summary: 'get the weights of a model, as its owner or under a license',
    group: USE,
    load: () => import('./commands/fetch.ts'),
  },
  {
    name: 'export',
    summary: 'sign a model for other tools, in their formats',
    group: USE,
    load: () => import('./commands/export.ts'),
  },
  {
    name: 'seal',
    summary: 'prove later what you state now of a model, and tell nobody until then',
    group: USE,
    load: () => import('./commands/seal.ts'),
  },
  {
    name: 'open',
    summary: 'reveal what you sealed, wholly or a field at a time',
    group: USE,
    load: () => import('./commands/open.ts'),
  },
  {
    name: 'watermark',
    summary: 'mark a model with a secret key, and look for the mark in a copy',
    group: USE,
    load: () => import('./commands/watermark.ts'),
  },
  {
    name: 'protection',
    summary: 'state by which right your model is protected, country by country',
    group: LICENSE,
    load: () => import('./commands/protection.ts'),
  },
  {
    name: 'market',
    summary: 'state what the disclosures of a market ask about your model',
    group: LICENSE,
    load: () => import('./commands/market.ts'),
  },
  {
    name: 'disclosure',
    summary: 'what a law asks about a model, answered from what is on record',
    group: LICENSE,
    load: () => import('./commands/disclosure.ts'),
  },
  {
    name: 'title',
    summary: 'who owns what, since when, by which instrument; assign, pledge, claim, prove',
    group: TITLE,
    load: () => import('./commands/title.ts'),
  },
  {
    name: 'lineage',
    summary: 'whether a model came from its declared parents, by their files',
    group: USE,
    load: () => import('./commands/lineage.ts'),
  },
  {
    name: 'license',
    summary: 'give somebody a license on a model, or take it back',
    group: LICENSE,
    load: () => import('./commands/license.ts'),
  },
  {
    name: 'token',
    summary: 'license tokens: issue, inspect, verify, revoke',
    group: LICENSE,
    load: () => import('./commands/token.ts'),
  },
  {
    name: 'seat',
    summary: 'take, keep, borrow and give up a seat under a license',
    group: LICENSE,
    load: () => import('./commands/seat.ts'),
  },
  {
    name: 'usage',
    summary: 'how often a model was used under a license, and what is left',
    group: LICENSE,
    load: () => import('./commands/usage.ts'),
  },
  {
    name: 'log',
    summary: 'check the record from outside: nothing changed, nothing removed',
    group: TRUST,
    load: () => import('./commands/log.ts'),
  },
  {
    name: 'trust',
    summary: 'the registries whose proofs you accept',
    group: TRUST,
    load: () => import('./commands/trust.ts'),
  },
  {
    name: 'party',
    summary: 'people and organizations, and their API keys',
    group: SELF,
    load: () => import('./commands/party.ts'),
  },
  {
    name: 'webhook',
    summary: 'have a program of yours told what goes on record',
    group: SELF,
    load: () => import('./commands/webhook.ts'),
  },
  {
    name: 'login',
    summary: 'keep address and API key of a registry on this machine',
    group: SELF,
    load: () => import('./commands/login.ts'),
  },
  {
    name: 'keygen',
    summary: 'make your own signing key, and register it',
    group: SELF,
    load: () => import('./commands/keygen.ts'),
  },
  {
    name: 'keys',
    summary: 'your signing keys: which are in force, replace one, end one',
    group: SELF,
    load: () => import('./commands/keys.ts'),
  },
  { name: 'serve', summary: 'start a registry', group: RUN, load: () => import('./commands/serve.ts') },
  {
    name: 'worker',
    summary: 'take training jobs on this machine',
    group: RUN,
    load: () => import('./commands/worker.ts'),
  },
  {
    name: 'witness',
    summary: 'cosign the records of other registries, so that they cannot be rewritten',
    group: RUN,
    load: () => import('./commands/witness.ts'),
  },
  {
    name: 'migrate',
    summary: 'bring the database up to date',
    group: RUN,
    load: () => import('./commands/migrate.ts'),
  },
  { name: 'doctor', summary: 'say what is wrong, if anything', group: RUN, load: () => import('./commands/doctor.ts') },
  {
    name: 'new-log',
    summary: 'begin a new record that follows a lost one',
    group: RUN,
    load: () => import('./commands/new-log.ts'),
  },
  {
    name: 'fsck',
    summary: 'check every record of the database against its proofs',
    group: RUN,
    load: () => import('./commands/fsck.ts'),
  },
];

/**
 * Runs one command line.
 * @param argv without the program's own name
 * @returns the exit code; every error has been told
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const program = new Command('muniment');
  const json = argv.includes('--json');
  const context = new Context(io, () => program.opts<Flags>());
  program
    .description('Whose model is this, what was it made from, and what may I do with it?')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .option('--json', 'print one JSON document on standard output')
    .option('--url <url>', 'the registry to talk to (MUNIMENT_URL)')
    .option('--api-key <key>', 'your API key, or @FILE that holds it (MUNIMENT_API_KEY)')
    .option('--key <file>', 'your signing key, or the PKCS#11 URI of one in a token (MUNIMENT_KEY)')
    .option('--trust <file>', 'which registries to believe, instead of the pinned ones')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: io.out,
      writeErr: io.note,
      // Told once, below, in the form that was asked for.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      '\nStart here:\n  $ muniment serve\n  $ muniment lookup model.safetensors\n\n"muniment COMMAND --help" shows examples. Exit codes: 0 done, 1 refused or not verified,\n2 wrong usage, 3 not found, 4 cannot be reached.',
    );
  try {
    const called = nameOf(argv);
    for (const { name, summary, group, load } of COMMANDS) {
      program.commandsGroup(group);
      if (name === called) (await load()).define(program, context);
      else program.command(name).description(summary);
    }
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return tell(error, io, json);
  }
}

/** The first word that is no option and no option's value. */
function nameOf(argv: readonly string[]): string | undefined {
  const withValue = ['--url', '--api-key', '--key', '--trust'];
  const words = argv.filter((word, i) => !word.startsWith('-') && !withValue.includes(argv[i - 1] ?? ''));
  return words[0] === 'help' ? words[1] : words[0];
}

function tell(error: unknown, io: Io, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  const known = error instanceof CommanderError ? usage(error) : (unusable(error) ?? error);
  if (!(known instanceof RegistryError)) {
    const bug = new RegistryError('internal', 'The program failed in a way that it should not.', { cause: error });
    tellProblem(bug, io, json);
    io.note(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.refused;
  }
  tellProblem(known, io, json);
  return exitCodeOf(known.code);
}

const UNUSABLE: Readonly<Record<string, string>> = {
  EACCES: 'you may not use it',
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such folder, or no such file',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'what should be a folder is a file',
  EPERM: 'you may not use it',
  EROFS: 'it can only be read',
};

/** A file that cannot be used is no failure of the program. */
function unusable(error: unknown): RegistryError | undefined {
  const { code = '', path } = (error ?? {}) as NodeJS.ErrnoException;
  const why = UNUSABLE[code];
  if (why === undefined || path === undefined) return undefined;
  return new RegistryError('unreachable', `The file "${path}" cannot be used: ${why}.`, { cause: error });
}

function tellProblem(error: RegistryError, io: Io, json: boolean): void {
  if (json) io.out(`${JSON.stringify(error.toProblem(), null, 2)}\n`);
  else io.note(printable(`muniment: ${error.message}${error.fix === undefined ? '' : ` ${error.fix}`}\n`));
}

/** Commander says `error: unknown option '--foo'`; help that nobody asked for means that a word is missing. */
function usage({ code, message }: CommanderError): RegistryError {
  if (code === 'commander.help') return new RegistryError('usage', 'A command is missing.', { fix: 'See --help.' });
  const said = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new RegistryError('usage', `${said.slice(0, 1).toUpperCase()}${said.slice(1)}.`.replace(/\.\.$|\?\.$/, '?'), {
    fix: 'See --help.',
  });
}

#!/usr/bin/env node
/** The `muniment` program. */
import { processIo } from './io.ts';
import { run } from './program.ts';

// Whoever reads the output may stop early, as `head` does: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), processIo());

/** How the demo tells its story: numbered steps with what they showed, and a table at the end. */
import { columns } from '../../src/cli/table.ts';

export interface Step {
  title: string;
  ok: boolean;
  seconds: number;
  shows: string[];
}

export class Telling {
  readonly steps: Step[] = [];

  constructor(private readonly print: (text: string) => void) {}

  say(text: string): void {
    this.print(`${text}\n`);
  }

  /** Runs a step; what it returns is what it showed. */
  async step(title: string, action: (tell: (line: string) => void) => Promise<void>): Promise<void> {
    const began = performance.now();
    const shows: string[] = [];
    const step: Step = { title, ok: false, seconds: 0, shows };
    this.steps.push(step);
    this.print(`\n${String(this.steps.length).padStart(2)}. ${title}\n`);
    try {
      await action((line) => {
        shows.push(line);
        this.print(`    ${line}\n`);
      });
      step.ok = true;
    } finally {
      step.seconds = Math.round((performance.now() - began) / 100) / 10;
    }
  }

  table(rows: readonly (readonly [string, string])[]): void {
    this.print(`\n${columns(['what', 'result'], rows)}`);
  }
}

/** A promise of the story that did not hold. */
export function requireThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

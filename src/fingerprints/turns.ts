/**
 * So many at once, the others in the order in which they came, and no more than so many waiting: for work that takes all
 * cores of the database, so that nobody keeps it from writing by asking often.
 */
import { RegistryError } from '../core/errors.ts';

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(
    private readonly atOnce: number,
    private readonly most: number,
  ) {}

  /** @throws RegistryError `rate_limited` where too many wait already */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.atOnce) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.most) {
      throw new RegistryError('rate_limited', 'Too many searches are waiting.', { fix: 'Try again in a moment.' });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

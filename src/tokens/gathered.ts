/**
 * Questions that arrive together are asked together: while one round is with the database, the next one gathers. So a
 * token costs a share of a query, and under load the rounds grow instead of the queue.
 */
const MAX_ROUND = 1000;

export class Gathered<Question, Answer> {
  #waiting: { question: Question; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #running = false;

  /** @param answer answers a round, in the order asked */
  constructor(private readonly answer: (questions: readonly Question[]) => Promise<readonly Answer[]>) {}

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const round = this.#waiting.splice(0, MAX_ROUND);
      try {
        const answers = await this.answer(round.map(({ question }) => question));
        for (const [i, { resolve }] of round.entries()) resolve(answers[i]!);
      } catch (error) {
        for (const { reject } of round) reject(error);
      }
    }
    this.#running = false;
  }
}

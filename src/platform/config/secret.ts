/**
 * A value that must not be seen: logs, errors, JSON and the inspector show `[secret]` in its place. Only `reveal()`,
 * which is easy to search for, gives it out.
 */
import { inspect } from 'node:util';

const SHOWN = '[secret]';

export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

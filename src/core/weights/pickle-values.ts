/** What a pickle makes: literals, and for the rest what would have been called with what. */

export type PickleValue =
  | bigint
  | boolean
  | number
  | string
  | PickleCall
  | PickleDict
  | PickleGlobal
  | PickleList
  | PicklePersistent
  | PickleTuple
  | Uint8Array
  | null;

/** What is found by its name in some module: a class, a function, a constant. */
export class PickleGlobal {
  /** @param name with its module, as in `collections.OrderedDict` */
  constructor(readonly name: string) {}
}

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

export class PickleList {
  readonly items: PickleValue[] = [];
}

export class PickleDict {
  /** Keys and values in turn, as they were set: a key may stand twice */
  readonly pairs: PickleValue[] = [];
}

/** The call of a global, which was not made, and what would have been done with its result. */
export class PickleCall {
  /** Appended or added, as to a list or a set */
  readonly items: PickleValue[] = [];
  /** Set by key, as in a dict: keys and values in turn */
  readonly pairs: PickleValue[] = [];
  /** Given to `__setstate__`, or put among its attributes */
  state: PickleValue | undefined;

  constructor(
    readonly callee: PickleGlobal,
    readonly args: readonly PickleValue[],
  ) {}
}

/** What its writer keeps elsewhere and knows by this identity. */
export class PicklePersistent {
  constructor(readonly id: PickleValue) {}
}

/** Licenses that are met and have no rules, with the reason. Whatever is under one of them is UNKNOWN. */
export interface UnreadLicense {
  readonly license: string;
  readonly why: string;
}

export const UNREAD: readonly UnreadLicense[] = [
  { license: 'NOASSERTION', why: 'Nobody stated a license.' },
  { license: 'Artistic-2.0', why: 'It is written for programs in source form, and has not been read for weights.' },
  { license: 'GFDL-1.3-only', why: 'It is written for manuals, and says nothing of training or weights.' },
  { license: 'GFDL-1.3-or-later', why: 'It is written for manuals, and says nothing of training or weights.' },
  { license: 'LGPLLR', why: 'Whether a model is a linguistic resource or a work that uses one is undecided.' },
];

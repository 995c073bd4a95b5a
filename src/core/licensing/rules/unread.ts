/** Licenses that are met and have no rules, with the reason. Whatever is under one of them is UNKNOWN. */
export interface UnreadLicense {
  readonly license: string;
  readonly why: string;
}

export const UNREAD: readonly UnreadLicense[] = [{ license: 'NOASSERTION', why: 'Nobody stated a license.' }];

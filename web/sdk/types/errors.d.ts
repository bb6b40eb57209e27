// Failures and codes.

/**
 * What a call throws, rejects with or resolves to when it fails. It has all the documented failure shapes at once: `{code, msg}`,
 * `{code, message}` and `{errorCode, extendedData}`.
 */
export class ZegoError extends Error {
  /** The documented code; see {@link codes}. */
  readonly code: number;
  /** What was wrong and what to do. */
  readonly message: string;
  /** The same as `message`. */
  readonly msg: string;
  /** The same as `code`. */
  readonly errorCode: number;
  /** The same as `message`. */
  readonly extendedData: string;
}

/** The documented codes by name, such as `codes.TOKEN_EXPIRED`, which is 1102018. */
export const codes: Readonly<Record<string, number>>;

/** The name of a code; `undefined` for one that is not ours. */
export function codeName(code: number): string | undefined;

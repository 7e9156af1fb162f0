/** What went wrong, in the words of the server's contract. The text for people comes from the message files. */

export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'CONFLICT'
  | 'NOT_FOUND'
  | 'INVALID'
  | 'LIMIT'
  | 'BUSY'
  | 'UNAVAILABLE'
  | 'NETWORK'
  | 'OTHER';

const KNOWN: readonly string[] = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'CONFLICT',
  'NOT_FOUND',
  'INVALID',
  'LIMIT',
  'BUSY',
  'UNAVAILABLE',
];

export class ApiError extends Error {
  readonly code: ErrorCode;
  /** What the server says about it, for whoever wants to know more. */
  readonly detail: string;

  constructor(code: ErrorCode, detail = '') {
    super(`${code}: ${detail}`);
    this.name = 'ApiError';
    this.code = code;
    this.detail = detail;
  }

  /** The same command may be sent again: it was not refused, it was not heard or not taken. */
  get isRetryable(): boolean {
    return this.code === 'NETWORK' || this.code === 'BUSY' || this.code === 'UNAVAILABLE';
  }
}

/** TIMEOUT: nobody answered in time, and it may have been done; over REST it is a 504. */
export function errorCode(text: unknown): ErrorCode {
  if (text === 'TIMEOUT') return 'UNAVAILABLE';
  return typeof text === 'string' && KNOWN.includes(text) ? (text as ErrorCode) : 'OTHER';
}

export function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'NOT_FOUND';
  if (status === 409) return 'CONFLICT';
  if (status === 429) return 'BUSY';
  if (status >= 500) return 'UNAVAILABLE';
  return status >= 400 ? 'INVALID' : 'OTHER';
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('OTHER', String(error));
}

/** The browser's storage is full. What was acknowledged before is still there, and training can go on. */
export class FullError extends Error {
  constructor(options?: ErrorOptions) {
    super(
      'The storage of this browser is full: the run goes on, but its latest steps are not kept. Delete a kept run or free disk space; saving is tried again by itself.',
      options,
    );
    this.name = 'FullError';
  }
}

/** Another tab writes the run. */
export class LockedError extends Error {
  constructor(options?: ErrorOptions) {
    super('This run is open in another tab. Go on there, or close that tab and try again.', options);
    this.name = 'LockedError';
  }
}

/** What was read is not what had been written. The message says of what, and what to do. */
export class DamagedError extends Error {
  override name = 'DamagedError';
}

/** Storage failed or is not to be had; the message says what to do. */
export class StorageError extends Error {
  override name = 'StorageError';
}

/** What was given as a run file is none that can be opened. The message says why, and what to do. */
export class RunFileError extends Error {
  override name = 'RunFileError';
}

const FULL = ['QuotaExceededError', 'NS_ERROR_DOM_QUOTA_REACHED'];

const isFull = (error: unknown): boolean => error instanceof Error && FULL.includes(error.name);

/** Our own error for what a storage operation failed with: of several causes of one failure the one that says most. */
export function storageError(...causes: readonly unknown[]): Error {
  const own = causes.find((cause) => cause instanceof FullError || cause instanceof LockedError);
  if (own instanceof Error) return own;
  const full = causes.find(isFull);
  if (full !== undefined) return new FullError({ cause: full });
  const known = causes.find((cause) => cause instanceof StorageError || cause instanceof DamagedError);
  if (known instanceof Error) return known;
  // A transaction that was aborted says only that.
  const given = causes.filter((cause) => cause !== undefined && cause !== null);
  const cause = given.find((one) => !(one instanceof Error && one.name === 'AbortError')) ?? given[0];
  const why =
    cause instanceof Error ? cause.message || cause.name : typeof cause === 'string' ? cause : 'no reason given';
  return new StorageError(`The storage of this browser failed (${why}). Reload the page if this goes on.`, { cause });
}

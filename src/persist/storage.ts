import type { RunList } from './store.ts';

/** What the runs take, and what the browser says about the page's storage; null where it says nothing. */
export interface StorageUse {
  /** Bytes of all readable runs: checkpoints and events. */
  readonly runs: number;
  /** Bytes that everything of this site takes, the data set included, and may take. */
  readonly usage: number | null;
  readonly quota: number | null;
}

export type StorageQuestions = Partial<Pick<StorageManager, 'estimate' | 'persist' | 'persisted'>>;

const ofBrowser = (): StorageQuestions | undefined =>
  typeof navigator === 'undefined' ? undefined : navigator.storage;

/** Storage in use. */
export async function storageUse(
  { runs }: Pick<RunList, 'runs'>,
  storage: StorageQuestions | undefined = ofBrowser(),
): Promise<StorageUse> {
  const estimate = await storage?.estimate?.().catch(() => undefined);
  return {
    runs: runs.reduce((sum, { bytes }) => sum + bytes, 0),
    usage: estimate?.usage ?? null,
    quota: estimate?.quota ?? null,
  };
}

/**
 * Asks the browser not to clear the runs when the disk gets full; true when it will not. Some browsers ask the user, so
 * this follows from something the user did.
 */
export async function keepForGood(storage: StorageQuestions | undefined = ofBrowser()): Promise<boolean> {
  try {
    return (await storage?.persisted?.()) === true || (await storage?.persist?.()) === true;
  } catch {
    return false;
  }
}

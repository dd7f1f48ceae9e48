import * as v from 'valibot';
import type { WriteTransaction } from './backend.ts';
import { LockedError } from './errors.ts';

/** How long a claim holds without being renewed. Longer than the minute at which browsers let hidden pages' timers fire. */
export const LEASE_MILLISECONDS = 90_000;

/**
 * Who writes a run. It stands in the same database as the run, so that every write checks it in its own transaction: a
 * tab that was frozen while another took its run over cannot write any more, whatever it believes.
 */
export interface Claim {
  /** Made up for each time that a run is taken to be written. */
  readonly holder: string;
  /** When it ends unless renewed, in milliseconds since 1970. */
  readonly until: number;
}

const claimSchema = v.object({ holder: v.string(), until: v.number() });

/** A claim that is damaged holds nothing. */
export function readClaim(value: unknown): Claim | null {
  const result = v.safeParse(claimSchema, value);
  return result.success ? result.output : null;
}

/** Whether a claim still holds. One that ends later than any can was made before the clock was set back. */
export const holds = ({ until }: Claim, now: number): boolean => now < until && until <= now + LEASE_MILLISECONDS;

/** Takes a run to write it. `alone`: a lock says that no other tab has it, so that a claim of one that crashed is void. */
export async function claim(
  transaction: WriteTransaction,
  id: string,
  holder: string,
  { now, alone }: { readonly now: number; readonly alone: boolean },
): Promise<void> {
  const found = readClaim(await transaction.get('claims', id));
  if (!alone && found && found.holder !== holder && holds(found, now)) throw new LockedError();
  await transaction.put('claims', id, { holder, until: now + LEASE_MILLISECONDS } satisfies Claim);
}

/** Renews a claim. Throws a LockedError when the run was taken over. */
export async function keepClaim(transaction: WriteTransaction, id: string, holder: string, now: number): Promise<void> {
  if (readClaim(await transaction.get('claims', id))?.holder !== holder) throw new LockedError();
  await transaction.put('claims', id, { holder, until: now + LEASE_MILLISECONDS } satisfies Claim);
}

/** Gives a run back, if it is still the holder's. */
export async function giveBack(transaction: WriteTransaction, id: string, holder: string): Promise<void> {
  if (readClaim(await transaction.get('claims', id))?.holder === holder) await transaction.delete('claims', id);
}

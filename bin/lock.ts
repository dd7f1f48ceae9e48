import { rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InputError } from './around.ts';
import { readIfThere } from './files.ts';

/** Stands in a run's folder while a process writes there. */
export const LOCK = 'running.json';
/** Milliseconds between two signs of life, and after how many without one its process counts as gone. */
const SIGN_EVERY = 20_000;
const GONE_AFTER = 300_000;
/** Milliseconds in which a lock is written, or two processes that found the same dead one have both put theirs in its place. */
const SETTLED = 50;

interface Holder {
  readonly host: string;
  readonly process: number;
  /** Tells apart what one process takes twice. */
  readonly since: string;
}

/** A folder, and what the user calls it. */
export interface Folder {
  readonly path: string;
  readonly shown: string;
}

/** Another process writes in this folder. */
export class BusyError extends InputError {
  constructor(
    shown: string,
    readonly holder: string,
  ) {
    super([`${shown} is being written by ${holder}. Wait for it, or name another --out.`]);
  }
}

/**
 * Does work while this process holds folders, which must be there. Throws a BusyError when another process holds one of them
 * that runs on this machine or has given a sign of life within five minutes; what a dead one left is taken over.
 */
export async function holding<T>(folders: readonly Folder[], work: () => Promise<T>): Promise<T> {
  const taken: (() => Promise<void>)[] = [];
  try {
    for (const folder of folders) taken.push(await take(folder));
    return await work();
  } finally {
    for (const giveBack of taken) await giveBack();
  }
}

async function take({ path, shown }: Folder): Promise<() => Promise<void>> {
  const lock = join(path, LOCK);
  const holder: Holder = { host: hostname(), process: process.pid, since: new Date().toISOString() };
  const own = JSON.stringify(holder);
  if (!(await written(lock, own))) {
    await refuseIfAlive(lock, shown);
    await rm(lock, { force: true });
    if (!(await written(lock, own))) await refuseIfAlive(lock, shown);
    await settled();
    if ((await readIfThere(lock)) !== own) throw new BusyError(shown, 'another process');
  }
  const sign = setInterval(() => {
    const now = new Date();
    void utimes(lock, now, now).catch(() => undefined);
  }, SIGN_EVERY).unref();
  return async () => {
    clearInterval(sign);
    if ((await readIfThere(lock)) === own) await rm(lock, { force: true });
  };
}

/** Writes a file that must not be there yet; whether it was not. */
async function written(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLED));

async function refuseIfAlive(lock: string, shown: string): Promise<void> {
  let holder = holderIn(await readIfThere(lock));
  if (!holder) {
    // It may be about to be written.
    await settled();
    holder = holderIn(await readIfThere(lock));
  }
  if (!holder) return;
  const here = holder.host === hostname();
  if (here && !(await isAlive(holder.process))) return;
  const sign = await stat(lock).catch(() => null);
  if (!sign || Date.now() - sign.mtimeMs > GONE_AFTER) return;
  throw new BusyError(shown, `process ${holder.process} ${here ? 'on this machine' : `on ${holder.host}`}`);
}

function holderIn(text: string | null): Holder | null {
  try {
    const holder = JSON.parse(text ?? 'null') as Partial<Holder> | null;
    const known = typeof holder?.host === 'string' && Number.isInteger(holder.process);
    return known ? (holder as Holder) : null;
  } catch {
    return null;
  }
}

async function isAlive(id: number): Promise<boolean> {
  try {
    process.kill(id, 0);
  } catch (error) {
    // It is there, but another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // A dead process that nobody has asked after, as in many containers, still has its number: on Linux its state is Z.
  const status = await readIfThere(`/proc/${id}/stat`);
  return !/\) [ZX]/.test(status ?? '');
}

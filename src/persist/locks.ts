/** A lock that is held until it is released, or until its tab goes away. */
export interface Lock {
  release(): void;
}

/** Locks of the whole browser, by run. */
export interface Locks {
  /** Null when it is held already, here or elsewhere. */
  acquire(id: string): Promise<Lock | null>;
  /** Ids of the runs whose locks are held, here or elsewhere. */
  held(): Promise<ReadonlySet<string>>;
}

/** The browser's Web Locks; null where there are none, and claims with a heartbeat must do. */
export function webLocks(manager: LockManager | undefined = navigator.locks, prefix = 'espalier-run-'): Locks | null {
  if (!manager) return null;
  return {
    acquire: (id) =>
      new Promise((resolve, reject) => {
        manager
          .request(`${prefix}${id}`, { ifAvailable: true }, (lock) => {
            if (!lock) {
              resolve(null);
              return undefined;
            }
            return new Promise<void>((release) => resolve({ release }));
          })
          .catch(reject);
      }),
    held: async () => {
      const { held = [] } = await manager.query();
      return new Set(held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
    },
  };
}

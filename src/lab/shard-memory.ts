import type { Cifar10, DecodedShard } from '../data/cifar10.ts';

/**
 * The same data set with its decoded shards kept in memory, so that the next run (reset, another spec) neither fetches
 * nor decodes them again. A load that fails is forgotten and tried anew; one that nobody waits for any more still
 * completes.
 */
export function rememberShards(cifar: Cifar10): Cifar10 {
  const decoded = new Map<string, Promise<DecodedShard>>();
  return {
    manifest: cifar.manifest,
    load(shard) {
      const known = decoded.get(shard.file);
      if (known) return known;
      const loading = cifar.load(shard);
      decoded.set(shard.file, loading);
      loading.catch(() => decoded.delete(shard.file));
      return loading;
    },
  };
}

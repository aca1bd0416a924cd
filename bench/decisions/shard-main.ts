import type { Scoring } from './shard.ts';
import { runShard } from './shard.ts';

/** Started by score.ts, which sends what to run and takes all runs in one message. */
process.once('message', ({ scoring, shard, of }: { scoring: Scoring; shard: number; of: number }) => {
  process.send?.(runShard(scoring, shard, of), () => {
    process.disconnect();
  });
});

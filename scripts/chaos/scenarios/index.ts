import type { Scenario } from '../scenario.ts';
import { backendsTerminated } from './backends-terminated.ts';
import { drain } from './drain.ts';
import { flushedWhilePaused } from './flushed-while-paused.ts';
import { frozenLeader } from './frozen-leader.ts';
import { halfOpen } from './half-open.ts';
import { hostileIds } from './hostile-ids.ts';
import { killWorkers } from './kill-workers.ts';
import { lostReplies } from './lost-replies.ts';
import { operators } from './operators.ts';
import { postgresCrashed } from './postgres-crashed.ts';
import { redisCrashed } from './redis-crashed.ts';
import { redisFlushed } from './redis-flushed.ts';
import { redisFrozen } from './redis-frozen.ts';
import { redisReplaced } from './redis-replaced.ts';
import { upstreamGarbage } from './upstream-garbage.ts';
import { upstreamStorm } from './upstream-storm.ts';
import { zombie } from './zombie.ts';

export const scenarios: readonly Scenario[] = [
  killWorkers,
  redisFlushed,
  redisReplaced,
  redisCrashed,
  redisFrozen,
  flushedWhilePaused,
  zombie,
  frozenLeader,
  postgresCrashed,
  backendsTerminated,
  lostReplies,
  halfOpen,
  upstreamStorm,
  upstreamGarbage,
  drain,
  operators,
  hostileIds,
];

import { runnableCatalogScenario } from '../catalog/hold.ts';
import { type RunnableScenario, runnableBubbleScenario } from '../exercise.ts';
import type { BubbleScenario } from '../scenario.ts';
import { runnableWebhookScenario } from '../webhooks/hold.ts';
import { backendsTerminated } from './backends-terminated.ts';
import { costlyWork } from './costly-work.ts';
import { createdThenDropped } from './created-then-dropped.ts';
import { drain } from './drain.ts';
import { flushedWhilePaused } from './flushed-while-paused.ts';
import { frozenLeader } from './frozen-leader.ts';
import { halfOpen } from './half-open.ts';
import { hostileIds } from './hostile-ids.ts';
import { hugeRecords } from './huge-records.ts';
import { keysForgotten } from './keys-forgotten.ts';
import { killWorkers } from './kill-workers.ts';
import { killedAtSteps } from './killed-at-steps.ts';
import { limits } from './limits.ts';
import { lostReplies } from './lost-replies.ts';
import { movingSource } from './moving-source.ts';
import { operators } from './operators.ts';
import { poisonRow } from './poison-row.ts';
import { postgresCrashed } from './postgres-crashed.ts';
import { postgresFull } from './postgres-full.ts';
import { redisCrashed } from './redis-crashed.ts';
import { redisFlushed } from './redis-flushed.ts';
import { redisFrozen } from './redis-frozen.ts';
import { redisFull } from './redis-full.ts';
import { redisReplaced } from './redis-replaced.ts';
import { upstreamGarbage } from './upstream-garbage.ts';
import { upstreamStorm } from './upstream-storm.ts';
import { webhooksForged } from './webhooks-forged.ts';
import { webhooksReplayed } from './webhooks-replayed.ts';
import { wrongClocks } from './wrong-clocks.ts';
import { zombie } from './zombie.ts';
import { zombieWhilePaused } from './zombie-while-paused.ts';

const bubbleScenarios: readonly BubbleScenario[] = [
  killWorkers,
  redisFlushed,
  redisReplaced,
  redisCrashed,
  redisFrozen,
  flushedWhilePaused,
  zombie,
  zombieWhilePaused,
  costlyWork,
  limits,
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
  hugeRecords,
  killedAtSteps,
  movingSource,
  poisonRow,
  postgresFull,
  redisFull,
  wrongClocks,
];

export const scenarios: readonly RunnableScenario[] = [
  ...bubbleScenarios.map(runnableBubbleScenario),
  ...[createdThenDropped, keysForgotten].map(runnableCatalogScenario),
  ...[webhooksReplayed, webhooksForged].map(runnableWebhookScenario),
];

import { type BubbleScenario, type RunnableScenario, runnableBubbleScenario } from '../bubble.ts';
import { runnableCatalogScenario } from '../catalog.ts';
import { runnableWebhookScenario } from '../webhooks.ts';
import { cutoverWrites } from './cutover.ts';
import { halfOpen, lostReplies } from './network.ts';
import { flushedWhilePaused, operators, zombieWhilePaused } from './operators.ts';
import { backendsTerminated, poisonRow, postgresCrashed, postgresFull } from './postgres.ts';
import { costlyWork, limits, redisCrashed, redisFlushed, redisFrozen, redisFull, redisReplaced } from './redis.ts';
import { createdThenDropped, keysForgotten } from './stripe.ts';
import { hostileIds, hugeRecords, movingSource, upstreamGarbage, upstreamStorm } from './upstream.ts';
import { webhooksForged, webhooksReplayed } from './webhooks.ts';
import { drain, frozenLeader, killedAtSteps, killWorkers, wrongClocks, zombie } from './workers.ts';

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
  cutoverWrites,
];

import type { Worker } from 'bullmq';
import type { QueueName } from '../queues/table.ts';
import type { StageDeps } from '../src/engine/stages/stage.ts';
import { startExtract } from './extract.ts';
import { startLoad } from './load.ts';
import { startReconcile } from './reconcile.ts';
import type { Services } from './services.ts';
import type { QueueWorker } from './stage-worker.ts';
import { startTransform } from './transform.ts';

export interface QueueContext {
  readonly services: Services;
  readonly deps: StageDeps;
  readonly connection: Worker['opts']['connection'];
  readonly concurrency: number;
}

export interface RunningQueue {
  readonly worker: QueueWorker;
  /** Asks work that takes long to end at its next step. */
  readonly requestStop?: () => void;
  /** Closes what the queue's work used. */
  readonly close?: () => Promise<void>;
}

export type QueueSetup = (context: QueueContext) => RunningQueue;

/** Which file serves which queue. */
export const queueSetups: Readonly<Record<QueueName, QueueSetup>> = {
  extract: startExtract,
  transform: startTransform,
  load: startLoad,
  reconcile: startReconcile,
};

import { createHash } from 'node:crypto';
import { DroverError, toDroverError } from '../../errors.ts';
import type { ApiObject, ApiPort, BeforeImage, Change, Effect, Effects } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { OpenRecord, Run } from '../ledger/types.ts';
import { entityOf, planSettings } from '../runs/context.ts';

/** Somebody else holds the record: whatever this worker still does about it must change nothing. */
export class LeaseLostError extends Error {
  constructor() {
    super('the record is held by another worker');
    this.name = 'Fenced';
  }
}

/**
 * The protocol of every effect: intent on disk, request, answer on disk. A worker that is killed in between leaves the
 * intent, and whoever takes the record up after it looks at the objects before it sends anything.
 */
export function createEffects(store: EffectStore, held: LeasedRecord, worker: string): Effects {
  return {
    async run(effect, send) {
      const intent = intentOf(held, effect);
      const key = await store.beginIntent(held, worker, intent);
      if (key === undefined) throw new LeaseLostError();
      try {
        const answer = await send(key);
        await store.completeIntent(held, intent, {
          state: 'answered',
          objectId: answer.id,
          made: effect.creates !== undefined,
        });
        return answer;
      } catch (thrown) {
        await store.completeIntent(held, intent, intentResult(toDroverError(thrown)));
        throw thrown;
      }
    },
    recordCreated: (object) => store.saveCreated(held, object),
  };
}

function intentOf({ record }: LeasedRecord, { step, body, creates: makes, changes = [] }: Effect): NewIntent {
  const print = fingerprint(body, 32);
  const about = [record.runId, record.entity, record.sourceId, step, print].join('\u0000');
  return {
    step,
    fingerprint: print,
    keyBase: `drover-${createHash('sha256').update(about).digest('hex').slice(0, 40)}`,
    objectKind: makes?.kind ?? changes[0]?.object.kind ?? '',
    objectId: makes ? (makes.id ?? null) : (changes[0]?.object.id ?? null),
    changes,
  };
}

/** A 5xx is kept by the upstream and would be replayed; what did not arrive, or was turned away at the door, would not. */
function intentResult({ code, class: kind }: DroverError): IntentResult {
  if (kind === 'data') return { state: 'refused', code };
  return { state: faultCodes.has(code) ? 'faulted' : 'sent', code };
}

const faultCodes = new Set(['UPSTREAM_ERROR', 'UPSTREAM_BAD_ANSWER']);

/** The record an effect is for, and the lease it is held under. */
export interface LeasedRecord {
  readonly record: Pick<OpenRecord, 'id' | 'epoch' | 'runId' | 'entity' | 'sourceId'>;
  readonly token: string;
  readonly leaseMs: number;
}

export interface NewIntent {
  readonly step: string;
  readonly fingerprint: string;
  /** Beginning of the idempotency key; the store adds the version. */
  readonly keyBase: string;
  readonly objectKind: string;
  readonly objectId: string | null;
  /** Before-images to be kept with it. */
  readonly changes: readonly Change[];
}

export type IntentResult =
  | { readonly state: 'answered'; readonly objectId: string; readonly made: boolean }
  | { readonly state: 'refused' | 'faulted' | 'sent'; readonly code: string };

/** A before-image as it is kept. */
export interface StoredImage extends BeforeImage {
  readonly row: string;
  readonly sourceId: string;
  readonly hash: string;
}

/** Where intents and before-images are kept. What it answers is on disk: a crash of PostgreSQL takes nothing back. */
export interface EffectStore {
  /** Which of these records have intents in this run, whatever became of them. */
  startedSourceIds(runId: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Writes intent and before-image and renews the lease, all or nothing. Answers the idempotency key, or undefined when
   * somebody else holds the record by now.
   */
  beginIntent(held: LeasedRecord, worker: string, intent: NewIntent): Promise<string | undefined>;
  completeIntent(held: LeasedRecord, intent: NewIntent, end: IntentResult): Promise<void>;
  /** Keeps the before-image of an object the run has made, unless it is kept already. */
  saveCreated(held: LeasedRecord, object: ApiObject): Promise<void>;
  /** Source ids of the run's records that still have something to be undone, in pages. */
  undoable(runId: string, entity: string, after: string, limit: number): Promise<readonly string[]>;
  /** What is to be undone of one record, in the order in which it was done. */
  images(runId: string, entity: string, sourceId: string): Promise<readonly StoredImage[]>;
  /** A newer run of the same plan and schema that changed the object of the image and was not rolled back. */
  newerWriter(runId: string, entity: string, image: StoredImage): Promise<string | undefined>;
  markUndone(row: string): Promise<void>;
}

/** The port an entity of a run writes through. Throws CONFIGURATION where a setting is missing. */
export type ApiFactory = (plan: Plan, run: Run, entity: string) => ApiPort;

export interface ApiFactoryDeps {
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly upstreams: UpstreamFactory;
  readonly signal: AbortSignal;
}

/** Opens each entity's port once for each run, and keeps it while the run is worked on. */
export function createApiFactory(deps: ApiFactoryDeps): ApiFactory {
  const opened = new Map<string, ApiPort>();
  return (plan, run, entity) => {
    const key = `${run.id}/${entity}`;
    const port = opened.get(key) ?? openPort(deps, plan, run, entity);
    if (opened.size >= 500) opened.delete(opened.keys().next().value as string);
    opened.set(key, port);
    return port;
  };
}

function openPort({ settings, upstreams, signal }: ApiFactoryDeps, plan: Plan, run: Run, entity: string): ApiPort {
  const { api } = entityOf(plan, entity);
  if (!api) throw new DroverError('INTERNAL', `${entity} of plan ${plan.name} is not written to an API`);
  const context = { entity, params: run.params, runId: run.id, upstreams, signal };
  return api.open({ ...context, settings: planSettings(plan, settings) });
}

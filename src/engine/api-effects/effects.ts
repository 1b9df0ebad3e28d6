import { createHash } from 'node:crypto';
import { DroverError, toDroverError } from '../../errors.ts';
import type { ApiObject, ApiPort, BeforeImage, Change, Effect, Effects } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { OpenRecord, Run } from '../ledger/types.ts';
import { entityOf, planSettings } from '../runs/context.ts';

/** Another worker holds the record: this worker must change nothing about it any more. */
export class LeaseLostError extends Error {
  constructor() {
    super('the record is leased by another worker');
    this.name = 'Fenced';
  }
}

/**
 * The protocol of every effect: intent on disk, request, response on disk. A worker that is killed in between leaves the
 * intent, and the worker that continues the record inspects the objects before it sends anything.
 */
export function createEffects(store: EffectStore, leased: LeasedRecord, worker: string): Effects {
  return {
    async run(effect, send) {
      const intent = intentOf(leased, effect);
      const key = await store.beginIntent(leased, worker, intent);
      if (key === undefined) throw new LeaseLostError();
      try {
        const answer = await send(key);
        await store.completeIntent(leased, intent, {
          state: 'answered',
          objectId: answer.id,
          made: effect.creates !== undefined,
        });
        return answer;
      } catch (thrown) {
        await store.completeIntent(leased, intent, intentResult(toDroverError(thrown)));
        throw thrown;
      }
    },
    recordCreated: (object) => store.saveCreated(leased, object),
  };
}

function intentOf({ record }: LeasedRecord, { step, body, creates, changes = [] }: Effect): NewIntent {
  const bodyHash = fingerprint(body, 32);
  const about = [record.runId, record.entity, record.sourceId, step, bodyHash].join('\u0000');
  return {
    step,
    fingerprint: bodyHash,
    keyBase: `drover-${createHash('sha256').update(about).digest('hex').slice(0, 40)}`,
    objectKind: creates?.kind ?? changes[0]?.object.kind ?? '',
    objectId: creates ? (creates.id ?? null) : (changes[0]?.object.id ?? null),
    changes,
  };
}

/** The upstream stores a 5xx response under the idempotency key and would replay it; it does not store a request that did not arrive. */
function intentResult({ code, class: kind }: DroverError): IntentResult {
  if (kind === 'data') return { state: 'refused', code };
  return { state: faultCodes.has(code) ? 'faulted' : 'sent', code };
}

const faultCodes = new Set(['UPSTREAM_ERROR', 'UPSTREAM_BAD_ANSWER']);

/** The record of an effect, and the lease on it. */
export interface LeasedRecord {
  readonly record: Pick<OpenRecord, 'id' | 'epoch' | 'runId' | 'entity' | 'sourceId'>;
  readonly token: string;
  readonly leaseMs: number;
}

export interface NewIntent {
  readonly step: string;
  readonly fingerprint: string;
  /** Prefix of the idempotency key; the store adds the version. */
  readonly keyBase: string;
  readonly objectKind: string;
  readonly objectId: string | null;
  /** Before-images to be stored with it. */
  readonly changes: readonly Change[];
}

export type IntentResult =
  | { readonly state: 'answered'; readonly objectId: string; readonly made: boolean }
  | { readonly state: 'refused' | 'faulted' | 'sent'; readonly code: string };

/** A before-image as it is stored. */
export interface StoredImage extends BeforeImage {
  readonly row: string;
  readonly sourceId: string;
  readonly hash: string;
}

/** Stores intents and before-images. A method returns after the commit is on disk: a crash of PostgreSQL loses nothing. */
export interface EffectStore {
  /** Which of these records have intents in this run, whatever their state. */
  startedSourceIds(runId: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Writes intent and before-image and renews the lease, all or nothing. Returns the idempotency key, or undefined when the
   * lease was lost.
   */
  beginIntent(leased: LeasedRecord, worker: string, intent: NewIntent): Promise<string | undefined>;
  completeIntent(leased: LeasedRecord, intent: NewIntent, end: IntentResult): Promise<void>;
  /** Stores the before-image of an object that the run created, unless there is one. */
  saveCreated(leased: LeasedRecord, object: ApiObject): Promise<void>;
  /** Source ids of the run's records with effects that are not undone, in pages. */
  undoable(runId: string, entity: string, after: string, limit: number): Promise<readonly string[]>;
  /** Before-images of one record that are not undone, in the order of the effects. */
  images(runId: string, entity: string, sourceId: string): Promise<readonly StoredImage[]>;
  /** A newer run of the same plan and schema that changed the object of the image and was not rolled back. */
  newerWriter(runId: string, entity: string, image: StoredImage): Promise<string | undefined>;
  markUndone(row: string): Promise<void>;
}

/** Opens the API port of an entity of a run. Throws CONFIGURATION when a setting is missing. */
export type ApiFactory = (plan: Plan, run: Run, entity: string) => ApiPort;

export interface ApiFactoryDeps {
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly upstreams: UpstreamFactory;
  readonly signal: AbortSignal;
}

/** Opens each entity's port once for each run and keeps up to 500 of them open. */
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

import { createHash } from 'node:crypto';
import { type DroverError, toDroverError } from '../../errors.ts';
import type { Effect, Effects } from '../../plan/api-target.ts';
import { fingerprint } from '../canonical.ts';
import type { EffectStore, Held, IntentEnd, NewIntent } from './ports.ts';

/** Somebody else holds the record: whatever this worker still does about it must change nothing. */
export class Fenced extends Error {
  constructor() {
    super('the record is held by another worker');
    this.name = 'Fenced';
  }
}

/**
 * The protocol of every effect: intent on disk, request, answer on disk. A worker that is killed in between leaves the
 * intent, and whoever takes the record up after it looks at the objects before it sends anything.
 */
export function createEffects(store: EffectStore, held: Held, worker: string): Effects {
  return {
    async run(effect, send) {
      const intent = intentOf(held, effect);
      const key = await store.begin(held, worker, intent);
      if (key === undefined) throw new Fenced();
      try {
        const answer = await send(key);
        await store.end(held, intent, { state: 'answered', objectId: answer.id, made: effect.creates !== undefined });
        return answer;
      } catch (thrown) {
        await store.end(held, intent, endOf(toDroverError(thrown)));
        throw thrown;
      }
    },
    recordCreated: (object) => store.made(held, object),
  };
}

function intentOf({ record }: Held, { step, body, creates: makes, changes = [] }: Effect): NewIntent {
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
function endOf({ code, class: kind }: DroverError): IntentEnd {
  if (kind === 'data') return { state: 'refused', code };
  return { state: faults.has(code) ? 'faulted' : 'sent', code };
}

const faults = new Set(['UPSTREAM_ERROR', 'UPSTREAM_BAD_ANSWER']);

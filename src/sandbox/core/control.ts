import { z } from 'zod';
import type { Clock } from './clock.ts';
import { type FaultPlan, faultRulesSchema } from './faults.ts';
import type { Journal } from './journal.ts';
import { CONTROL_PREFIX } from './server.ts';
import { type Answer, jsonAnswer, type SandboxRequest } from './upstream.ts';

type Json = Record<string, unknown>;

/** The sandbox's records, as the control surface reads and changes them. Every method throws RangeError on an unknown kind of record. */
export interface MutableData {
  counts(): Record<string, number>;
  get(resource: string, id: string): Json | undefined;
  insert(resource: string, fields: Json): string;
  modify(resource: string, id: string, changes: Json): boolean;
  delete(resource: string, id: string): boolean;
}

export interface ControlDeps {
  readonly journal: Journal;
  readonly faults: FaultPlan;
  readonly clock: Clock;
  readonly manifest: unknown;
  readonly data: MutableData;
  /** Numbers that may be changed while the sandbox runs. */
  readonly settings: Record<string, number>;
  /** Operations that only this sandbox has: `POST /__sandbox/do/<name>` with a JSON body, or none. */
  readonly actions?: Readonly<Record<string, (body: unknown) => unknown>>;
}

const clockChange = z.union([z.strictObject({ advanceMs: z.int() }), z.strictObject({ at: z.iso.datetime() })]);
const record = z.record(z.string(), z.json());

/**
 * The control surface under `/__sandbox/`: everything the in-process handle offers, for tests in another process or
 * language. An invalid body is answered 400 with `{ error }`.
 */
export function controlSurface(deps: ControlDeps): (request: SandboxRequest) => Answer {
  return (request) => {
    const [area, ...rest] = request.path.slice(CONTROL_PREFIX.length).split('/').map(decodeURIComponent);
    try {
      return route(request, area ?? '', rest, deps) ?? jsonAnswer(404, { error: `not found: ${request.path}` });
    } catch (cause) {
      return jsonAnswer(400, { error: cause instanceof Error ? cause.message : String(cause) });
    }
  };
}

function route(request: SandboxRequest, area: string, rest: readonly string[], deps: ControlDeps): Answer | undefined {
  if (area === 'journal') return jsonAnswer(200, deps.journal.entries(Number(request.query.get('after') ?? 0)));
  if (area === 'manifest') return jsonAnswer(200, deps.manifest);
  if (area === 'faults') return handleFaults(request, deps.faults);
  if (area === 'clock') return handleClock(request, deps.clock);
  if (area === 'settings') return handleSettings(request, deps.settings);
  if (area === 'data') return handleData(request, rest, deps.data);
  if (area === 'do') return runAction(request, rest[0] ?? '', deps.actions ?? {});
  return undefined;
}

function handleFaults(request: SandboxRequest, plan: FaultPlan): Answer {
  if (request.method === 'PUT') plan.set(faultRulesSchema.parse(parseJsonBody(request)));
  if (request.method === 'DELETE') plan.clear();
  return jsonAnswer(200, { rules: plan.rules, tally: plan.tally() });
}

function handleClock(request: SandboxRequest, clock: Clock): Answer {
  if (request.method === 'POST') {
    const change = clockChange.parse(parseJsonBody(request));
    if ('at' in change) clock.set(Date.parse(change.at));
    else clock.advance(change.advanceMs);
  }
  return jsonAnswer(200, { now: clock.iso() });
}

function handleSettings(request: SandboxRequest, current: Record<string, number>): Answer {
  const changes = request.method === 'PATCH' ? z.record(z.string(), z.number()).parse(parseJsonBody(request)) : {};
  const unknownName = Object.keys(changes).find((name) => !(name in current));
  if (unknownName !== undefined)
    throw new RangeError(`unknown setting "${unknownName}"; known: ${Object.keys(current).join(', ')}`);
  return jsonAnswer(200, Object.assign(current, changes));
}

/** `GET data`, `POST data/<kind>`, and `GET`, `PATCH`, `DELETE data/<kind>/<id>`. */
function handleData(
  request: SandboxRequest,
  [resource, id]: readonly string[],
  store: MutableData,
): Answer | undefined {
  if (resource === undefined) return jsonAnswer(200, store.counts());
  if (id === undefined) {
    if (request.method !== 'POST') return undefined;
    return jsonAnswer(201, { id: store.insert(resource, record.parse(parseJsonBody(request))) });
  }
  if (request.method === 'PATCH')
    return jsonAnswer(200, { ok: store.modify(resource, id, record.parse(parseJsonBody(request))) });
  if (request.method === 'DELETE') return jsonAnswer(200, { ok: store.delete(resource, id) });
  const found = store.get(resource, id);
  return found === undefined ? undefined : jsonAnswer(200, found);
}

function runAction(
  request: SandboxRequest,
  name: string,
  actions: Readonly<Record<string, (body: unknown) => unknown>>,
): Answer | undefined {
  const action = actions[name];
  if (action === undefined || request.method !== 'POST') return undefined;
  return jsonAnswer(200, action(request.body.length === 0 ? undefined : parseJsonBody(request)) ?? { ok: true });
}

function parseJsonBody(request: SandboxRequest): unknown {
  return JSON.parse(request.body.toString('utf8'));
}

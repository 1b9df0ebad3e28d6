import { type Answer, emptyAnswer, jsonAnswer, textAnswer } from '../../core/upstream.ts';
import { type BubbleType, SYSTEM_FIELDS, writableFields } from '../schema.ts';
import { isHidden } from '../store.ts';
import { type ApiContext, badRequest, missingThing, unrecognizedField } from './context.ts';

/** `GET /obj/<type>/<uid>`. A thing that privacy rules hide is answered as missing. */
export function getOne(type: BubbleType, id: string, context: ApiContext): Answer {
  const row = context.data.get(type, id);
  if (row === undefined || isHidden(id, context.hiddenShare)) return missingThing(type, id);
  return jsonAnswer(200, { response: row });
}

/** `POST /obj/<type>`. There are no unique fields and no idempotency: two identical requests make two things. */
export function createOne(type: BubbleType, body: Buffer, context: ApiContext): Answer {
  const fields = readFields(type, body.toString('utf8'));
  if (!fields.ok) return fields.answer;
  return jsonAnswer(201, { status: 'success', id: context.data.insert(type, fields.value) });
}

/** `PATCH` changes the given fields; `PUT` also empties all others. */
export function changeOne(
  type: BubbleType,
  id: string,
  method: 'PATCH' | 'PUT',
  body: Buffer,
  context: ApiContext,
): Answer {
  const row = context.data.get(type, id);
  if (row === undefined) return missingThing(type, id);
  const fields = readFields(type, body.toString('utf8'));
  if (!fields.ok) return fields.answer;
  const reset: Record<string, unknown> = {};
  const kept: readonly string[] = [...SYSTEM_FIELDS, 'authentication', 'user_signed_up'];
  if (method === 'PUT') for (const name of Object.keys(row)) if (!kept.includes(name)) reset[name] = null;
  context.data.modify(type, id, { ...reset, ...fields.value });
  return emptyAnswer(204);
}

export function deleteOne(type: BubbleType, id: string, context: ApiContext): Answer {
  return context.data.delete(type, id) ? emptyAnswer(204) : missingThing(type, id);
}

type Fields = { ok: true; value: Record<string, unknown> } | { ok: false; answer: Answer };

/** Parses and checks the fields of a thing, from JSON text. */
function readFields(type: BubbleType, text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, answer: badRequest('Could not parse this as JSON') };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, answer: badRequest('Expected a JSON object') };
  }
  const writable = writableFields(type);
  const unknownName = Object.keys(value).find((name) => !writable.has(name));
  if (unknownName !== undefined) return { ok: false, answer: unrecognizedField(unknownName) };
  return { ok: true, value: { ...value } };
}

const MAX_LINES = 1000;

/** `POST /obj/<type>/bulk`: one thing per line. The status is always 200; each line of the answer has its own result. */
export function createMany(
  type: BubbleType,
  body: Buffer,
  contentType: string | undefined,
  context: ApiContext,
): Answer {
  if (!contentType?.startsWith('text/plain')) return badRequest('Bulk requests must be sent as text/plain');
  const lines = body.toString('utf8').split('\n');
  if (lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length > MAX_LINES) return badRequest(`At most ${MAX_LINES} lines per request`);
  return textAnswer(200, lines.map((line) => JSON.stringify(createLine(type, line, context))).join('\n'));
}

function createLine(type: BubbleType, line: string, context: ApiContext) {
  const fields = readFields(type, line);
  if (fields.ok) return { status: 'success', id: context.data.insert(type, fields.value) };
  const error = JSON.parse(fields.answer.body) as { body: { message: string } };
  return { status: 'error', message: error.body.message };
}

import { type Answer, textAnswer } from '../../core/message.ts';
import type { BubbleType } from '../schema.ts';
import type { ApiContext } from './context.ts';
import { badRequest } from './refusals.ts';
import { readFields } from './single.ts';

const MAX_LINES = 1000;

/** `POST /obj/<type>/bulk`: a thing a line. The answer is 200 whatever became of them; each line of it tells. */
export function createMany(
  type: BubbleType,
  body: Buffer,
  contentType: string | undefined,
  context: ApiContext,
): Answer {
  if (!contentType?.startsWith('text/plain')) return badRequest('Bulk requests must be sent as text/plain');
  const lines = body.toString('utf8').split('\n');
  if (lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length > MAX_LINES) return badRequest(`At most ${MAX_LINES} lines a request`);
  return textAnswer(200, lines.map((line) => JSON.stringify(createLine(type, line, context))).join('\n'));
}

function createLine(type: BubbleType, line: string, context: ApiContext) {
  const fields = readFields(type, line);
  if (fields.ok) return { status: 'success', id: context.data.insert(type, fields.value) };
  const refused = JSON.parse(fields.answer.body) as { body: { message: string } };
  return { status: 'error', message: refused.body.message };
}

import type { FaultRule } from '../../core/faults.ts';
import type { Random } from '../../core/random.ts';
import { type Answer, jsonAnswer } from '../../core/upstream.ts';
import type { BubbleData } from '../store.ts';

/** The context of one request. */
export interface ApiContext {
  readonly data: BubbleData;
  readonly random: Random;
  /** The maximum offset. */
  readonly wall: number;
  /** The share of things hidden from the request's token. */
  readonly hiddenShare: number;
  /** The faults that apply to this request. */
  readonly faults: readonly FaultRule[];
  /** Ids of records changed by faults, for the journal. */
  readonly touched: string[];
}

/** An error in Bubble's format: the status repeated in the body. */
export function errorAnswer(statusCode: number, status: string, message: string): Answer {
  return jsonAnswer(statusCode, { statusCode, body: { status, message } });
}

export function missingThing(type: string, id: string): Answer {
  return errorAnswer(404, 'MISSING_DATA', `Missing object of type ${type}: object with id ${id} does not exist`);
}

export function unknownType(type: string): Answer {
  return errorAnswer(404, 'NOT_FOUND', `Type not found ${type}`);
}

export function unrecognizedField(name: string): Answer {
  return errorAnswer(400, 'ERROR', `Unrecognized field: ${name}`);
}

export function badRequest(message: string): Answer {
  return errorAnswer(400, 'ERROR', message);
}

export function unauthorized(): Answer {
  return errorAnswer(401, 'UNAUTHORIZED', 'A valid API token is required: Authorization: Bearer <token>');
}

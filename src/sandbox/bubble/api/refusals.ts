import { type Answer, jsonAnswer } from '../../core/message.ts';

/** An error in Bubble's shape: the status repeated in the body. */
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

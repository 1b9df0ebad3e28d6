import { type Answer, jsonAnswer } from '../../core/message.ts';
import { StripeFailure } from '../failure.ts';

export function successAnswer(body: unknown): Answer {
  return jsonAnswer(200, body);
}

export function failureAnswer({ status, error, headers }: StripeFailure): Answer {
  return jsonAnswer(status, { error }, headers);
}

export function internalError(): StripeFailure {
  const message =
    'An unexpected error occurred with the connection to our servers. We have been notified of the problem.';
  return new StripeFailure(500, message, { type: 'api_error' });
}

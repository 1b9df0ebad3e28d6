import type { RouteOptions } from 'fastify';
import { withDeadline } from '../../../queues/connection.ts';
import { DroverError } from '../../errors.ts';

const deadlineMs = 3_000;

/** Gives the board's own handler a deadline: it asks Redis and would wait for it as long as it is away. */
export function withHandlerDeadline(handler: RouteOptions['handler']): RouteOptions['handler'] {
  return async function bounded(request, reply) {
    try {
      return await withDeadline(Promise.resolve(handler.call(this, request, reply)), deadlineMs);
    } catch (error) {
      if (error instanceof DroverError) throw error;
      throw new DroverError('REDIS_UNAVAILABLE', 'Redis did not answer the board', { cause: error });
    }
  };
}

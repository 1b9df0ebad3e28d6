import type { FastifyRequest } from 'fastify';
import type { Actor } from '../../engine/control/contract.ts';

/** The actor of a request to a route that is not open: the doorkeeper let nobody else in. */
export function actorOf(request: Pick<FastifyRequest, 'actor'>): Actor {
  if (!request.actor) throw new Error('a route without access control asks for an actor');
  return request.actor;
}

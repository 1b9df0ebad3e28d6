import type { FastifyRequest, RouteOptions } from 'fastify';
import type { Control } from '../../contract/control.ts';
import { type Actor, type Role, roles } from '../../contract/runs.ts';
import { type MaskedReads, maskedControl } from '../../engine/masking/mask.ts';
import { HttpProblem } from '../problems.ts';
import type { Access, Api } from '../types.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Access by method of routes that a third-party plugin registers. */
    accessOf?: (method: string) => Access;
    /** Every registered route with its access; tests iterate over it. */
    declaredRoutes(): readonly DeclaredRoute[];
  }
}

export interface DeclaredRoute {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
}

/** Refuses, at registration, every route that does not declare its access. */
export function requireAccess(app: Api): void {
  const declared: DeclaredRoute[] = [];
  app.decorate('declaredRoutes', () => declared);
  app.addHook('onRoute', function check(this: Pick<Api, 'accessOf'>, route: RouteOptions) {
    const access = route.config?.access ?? this.accessOf?.(String([route.method].flat()[0]));
    if (!access) throw new Error(`${String(route.method)} ${route.url} does not declare its access (config.access)`);
    route.config = { ...route.config, access };
    declared.push(...[route.method].flat().map((method) => ({ method, url: route.url, access })));
  });
}

function includesRole(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed);
}

/** Throws 401 without an actor, and 403 when the role of the actor is too low. */
export function assertAccess(request: FastifyRequest, access: Access, detail?: string): void {
  if (access === 'open') return;
  if (!request.actor) throw unauthenticated(detail);
  if (!includesRole(request.actor.role, access)) throw forbidden(request.actor.role, access);
}

function unauthenticated(detail = 'This address needs a key.'): HttpProblem {
  const remedy =
    'Send `authorization: Bearer <key>`, or sign in at /login. The first start prints the first admin key.';
  return new HttpProblem({ status: 401, code: 'UNAUTHENTICATED', detail, remedy }, { 'www-authenticate': 'Bearer' });
}

function forbidden(held: Role, needed: Role): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'FORBIDDEN',
    detail: `This needs the role ${needed}; the key has the role ${held}.`,
    remedy: `Use a key with the role ${needed}, or ask an admin for one.`,
  });
}

/** The read functions for a request: unmasked for operators, with personal data masked for viewers. */
export type ReadsFor = (request: Pick<FastifyRequest, 'actor'>) => MaskedReads;

export function createReadsFor(control: Control): ReadsFor {
  const masked = maskedControl(control);
  return ({ actor }) => (canSeePersonalData(actor) ? control : masked);
}

/** True when the actor may see personal data (operators and admins). */
export function canSeePersonalData(actor: FastifyRequest['actor']): boolean {
  return actor !== null && includesRole(actor.role, 'operator');
}

/** The actor of a request to a route that is not open; authentication has set it. */
export function actorOf(request: Pick<FastifyRequest, 'actor'>): Actor {
  if (!request.actor) throw new Error('a route without access control needs an actor');
  return request.actor;
}

import type { FastifyRequest } from 'fastify';
import type { Control } from '../../engine/control/contract.ts';
import { maskedControl, type Reads } from '../../engine/privacy/masked-control.ts';
import { includesRole } from './access.ts';

/** The reads a request may make: whole for operators, with personal data masked for viewers. */
export type ReadsFor = (request: Pick<FastifyRequest, 'actor'>) => Reads;

export function createReadsFor(control: Control): ReadsFor {
  const masked = maskedControl(control);
  return ({ actor }) => (canSeePersonalData(actor) ? control : masked);
}

/** True of who may see personal data. */
export function canSeePersonalData(actor: FastifyRequest['actor']): boolean {
  return actor !== null && includesRole(actor.role, 'operator');
}

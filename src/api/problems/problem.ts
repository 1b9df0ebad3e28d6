import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/** RFC 9457, with the stable code, what to do about it, and every wrong field at once. */
export const problemSchema = z
  .object({
    type: z.string().describe('A name of the kind of problem, `urn:drover:problem:<code>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable; programs decide by this'),
    remedy: z.string().describe('What to do about it'),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export type Problem = z.output<typeof problemSchema>;

/** A refusal the HTTP side makes itself. What the engine refuses comes as a DroverError. */
export class HttpProblem extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: Pick<Problem, 'status' | 'code' | 'detail' | 'remedy' | 'errors'>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.detail);
    this.name = 'HttpProblem';
    this.problem = makeProblem(problem);
    this.headers = headers;
  }
}

const titles: Record<number, string> = {
  400: 'The request is wrong',
  401: 'A key is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Wrong method',
  406: 'Not to be had in this form',
  409: 'Not possible now',
  413: 'Too large',
  415: 'Wrong content type',
  422: 'The request cannot be carried out',
  429: 'Too many requests',
  500: 'Something unexpected happened',
  503: 'Not available at the moment',
};

export function makeProblem(problem: Pick<Problem, 'status' | 'code' | 'detail' | 'remedy' | 'errors'>): Problem {
  const type = `urn:drover:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`;
  return { type, title: titles[problem.status] ?? 'The request failed', ...problem };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

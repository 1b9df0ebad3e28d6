import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { DroverError } from './errors.ts';

export type Logger = PinoLogger;

/** The fields a line may contain. All others are dropped, so they cannot leak personal data (invariant I4). */
const allowedFields = new Set([
  ...[
    'err',
    'req',
    'res',
    'reqId',
    'module',
    'pid',
    'service',
    'actor',
    'role',
    'action',
    'subject',
    // Of wrong sign-ins: the address, the id of an existing key, and how the key was sent.
    ...['ip', 'keyId', 'via'],
    'route',
    'method',
  ],
  ...['status', 'ms', 'run', 'runId', 'plan', 'version', 'entity', 'stage', 'queue', 'worker', 'upstream', 'endpoint'],
  ...['code', 'count', 'jobs', 'records', 'attempt', 'attempts', 'epoch', 'delayMs', 'concurrency', 'queues'],
  ...['host', 'port', 'signal', 'checks', 'rssMb', 'lagMs', 'from', 'to', 'name', 'file', 'remedy', 'bytes'],
]);

/** Errors whose messages the runtime builds from our code, never from data. */
const runtimeErrorTypes: readonly (abstract new (...args: never[]) => Error)[] = [
  TypeError,
  RangeError,
  ReferenceError,
];

/**
 * A logger that writes JSON lines with the listed fields only, and only the parts of errors that cannot contain data: no SQL,
 * no parameters, no `detail` of PostgreSQL, no arguments of a Redis command, no headers or bodies.
 */
export function createLogger(options: { level: string; service: string; destination?: DestinationStream }): Logger {
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      serializers: { err: safeError, req: (request: unknown) => idOf(request), res: () => undefined },
      formatters: { log: listedFields, level: (label) => ({ level: label }) },
      // pino uses an error's message as the line's message. It may contain data, so it is replaced first.
      hooks: {
        logMethod(args, method) {
          method.apply(this, safeArguments(args) as typeof args);
        },
      },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
  // pino does not pass the fields of a child through the formatter; children inherit this override.
  const { child } = logger;
  logger.child = function listedChild(this: Logger, fields, settings) {
    return child.call(this, listedFields(fields), settings);
  } as Logger['child'];
  return logger;
}

/** The parts of an error that may be logged: type, code, our own messages, stack frames, and the cause's code. */
export function safeError(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { type: typeof thrown };
  return {
    type: thrown.constructor.name,
    code: codeOf(thrown),
    message: safeMessage(thrown),
    frames: thrown.stack?.split('\n').filter((line) => /^\s+at /.test(line)),
    cause: thrown.cause instanceof Error ? withoutFrames(safeError(thrown.cause)) : undefined,
  };
}

function withoutFrames({ frames: _, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

function safeMessage(error: Error): string | undefined {
  // INTERNAL has the message of the thrown error.
  const isCoded = error instanceof DroverError && error.code !== 'INTERNAL';
  const isOwn = isCoded || runtimeErrorTypes.some((type) => error instanceof type);
  // `syscall`: errors of the operating system name an address or a file. FST_: errors of Fastify have fixed texts.
  return isOwn || 'syscall' in error || String(codeOf(error)).startsWith('FST_') ? error.message : undefined;
}

/** Our own code, one of Node, an SQLSTATE, or the first word of a Redis error (OOM, READONLY, NOAUTH). */
function codeOf(error: Error): string | undefined {
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) return String(error.code);
  return error.name === 'ReplyError' ? /^[A-Z]+/.exec(error.message)?.[0] : undefined;
}

function listedFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => allowedFields.has(name)));
}

function idOf(request: unknown): unknown {
  return typeof request === 'object' && request !== null && 'id' in request ? { id: request.id } : undefined;
}

function safeArguments(args: readonly unknown[]): readonly unknown[] {
  const [first, ...rest] = args;
  if (first instanceof Error) return [{ err: first }, ...(rest.length > 0 ? rest : [titleOf(first)])];
  const holdsError = typeof first === 'object' && first !== null && 'err' in first && first.err instanceof Error;
  return holdsError && rest.length === 0 ? [first, titleOf(first.err as Error)] : args;
}

function titleOf(error: Error): string {
  return safeMessage(error) ?? codeOf(error) ?? error.constructor.name;
}

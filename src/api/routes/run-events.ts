import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { finishedStatuses } from '../../contract/run-status.ts';
import type { RunView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { actorOf, canSeePersonalData } from '../auth/access.ts';
import type { AuthDeps } from '../auth/authenticate.ts';
import { HttpProblem } from '../problems.ts';
import type { RunReader } from '../run-view.ts';
import type { Api, Session } from '../types.ts';
import { responses, runParams } from './common.ts';

export interface RunEventDeps {
  readonly events: RunEvents;
  /** The same with personal data masked. */
  readonly maskedEvents: RunEvents;
  readonly streams: EventStreams;
}

/** The state of a run as server-sent events. */
export function runEventRoutes(app: Api, { events, maskedEvents, streams }: RunEventDeps): void {
  // A HEAD request would keep a stream open without a use.
  const options = { config: { access: 'viewer' }, exposeHeadRoute: false, schema: followSchema } as const;
  app.get('/runs/:id/events', options, async (request, reply) => {
    const source = canSeePersonalData(request.actor) ? events : maskedEvents;
    const stream = await streams.open(request, source, request.params.id);
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        // nginx would otherwise delay events until its buffer is full.
        .header('x-accel-buffering', 'no')
        .send(stream)
    );
  });
  app.addHook('preClose', async () => {
    events.close();
    maskedEvents.close();
    streams.close();
  });
}

const followSchema = {
  tags: ['runs'],
  operationId: 'followRun',
  summary: 'The run as server-sent events',
  description: 'An event `run` with the run whenever it changed, at most two per second; ends after the run finished.',
  params: runParams,
  response: responses({
    200: { description: 'Server-sent events', content: { 'text/event-stream': { schema: z.any() } } },
  }),
};

/** The open streams by key, so that they end with their key or session, and so that one key cannot open any number. */
export interface EventStreams {
  /** Throws 429 when the key has too many streams. */
  open(request: FastifyRequest, events: RunEvents, runId: string): Promise<Readable>;
  /** Ends the streams whose key or session is not active any more. */
  endInactive(): Promise<void>;
  close(): void;
}

const maxStreamsPerKey = 100;
// A key that another API process revoked, and one that expires, is noticed within this time and the one of the key cache.
const recheckMs = 1_000;

interface OpenStream {
  readonly keyId: string;
  readonly session: Session | null;
  /** Undefined until the run was read. */
  end?: () => void;
}

export function createEventStreams({ keys, sessions }: Pick<AuthDeps, 'keys' | 'sessions'>): EventStreams {
  const open = new Set<OpenStream>();
  const isActive = async ({ keyId, session }: OpenStream): Promise<boolean> =>
    (await keys.findActive(keyId)) !== undefined && (session === null || (await sessions.isActive(session)));
  const endInactive = async (): Promise<void> => {
    await Promise.all(
      [...open].map(async (one) => {
        // While the database is unavailable streams stay open; they send nothing new then.
        if (await isActive(one).catch(() => true)) return;
        open.delete(one);
        one.end?.();
      }),
    );
  };
  const timer = setInterval(() => void endInactive(), recheckMs).unref();
  return {
    async open(request, events, runId) {
      const keyId = actorOf(request).id;
      if ([...open].filter((one) => one.keyId === keyId).length >= maxStreamsPerKey) throw tooManyStreams();
      const entry: OpenStream = { keyId, session: request.session };
      open.add(entry);
      try {
        const stream = await events.follow(runId);
        stream.once('close', () => open.delete(entry));
        entry.end = () => events.end(stream);
        // Revoked while the run was read.
        if (!open.has(entry)) events.end(stream);
        return stream;
      } catch (error) {
        open.delete(entry);
        throw error;
      }
    },
    endInactive,
    close: () => clearInterval(timer),
  };
}

function tooManyStreams(): HttpProblem {
  return new HttpProblem(
    {
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      detail: `The key has ${maxStreamsPerKey} open event streams, the most it may have.`,
      remedy: 'Close some of them, or read GET /api/v1/runs/:id instead.',
    },
    { 'retry-after': '1' },
  );
}

/** Runs as streams of server-sent events. All streams of one run share one read per poll. */
interface RunEvents {
  /** A stream that starts with the current run and ends after it finished. Throws what reading the run throws. */
  follow(id: string): Promise<Readable>;
  /** Ends one stream. */
  end(stream: Readable): void;
  /** Ends every stream, when the server closes. */
  close(): void;
}

const pollIntervalMs = 500;
const keepAliveMs = 15_000;
// A slow listener misses intermediate states; only the newest matters.
const maxUnreadBytes = 65_536;

/** A followed run. */
interface Topic {
  readonly listeners: Set<Readable>;
  text: string;
  timer: NodeJS.Timeout | undefined;
  lastSentAt: number;
}

export function createRunEvents(runs: RunReader): RunEvents {
  const topics = new Map<string, Topic>();
  return {
    async follow(id) {
      const view = await runs.read(id);
      const stream = new Readable({ read: () => undefined });
      stream.push(formatEvent(runs.toJson(view)));
      if (isFinished(view)) {
        stream.push(null);
        return stream;
      }
      const topic = topics.get(id) ?? openTopic(runs, topics, id);
      topic.listeners.add(stream);
      stream.once('close', () => topic.listeners.delete(stream));
      return stream;
    },
    end(stream) {
      for (const { listeners } of topics.values()) if (listeners.delete(stream)) stream.push(null);
    },
    close() {
      for (const topic of topics.values()) {
        clearTimeout(topic.timer);
        endStreams(topic);
      }
      topics.clear();
    },
  };
}

function openTopic(runs: RunReader, topics: Map<string, Topic>, id: string): Topic {
  const topic: Topic = { listeners: new Set(), text: '', timer: undefined, lastSentAt: Date.now() };
  const next = async (): Promise<void> => {
    await poll(runs, id, topic);
    if (topic.listeners.size === 0) topics.delete(id);
    else topic.timer = setTimeout(() => void next(), pollIntervalMs);
  };
  topic.timer = setTimeout(() => void next(), pollIntervalMs);
  topics.set(id, topic);
  return topic;
}

async function poll(runs: RunReader, id: string, topic: Topic): Promise<void> {
  try {
    const view = await runs.read(id);
    publish(topic, runs.toJson(view), isFinished(view));
  } catch (error) {
    // An unavailable database is temporary, so streams stay open; a run that does not exist any more ends them.
    if (error instanceof DroverError && error.class === 'transient') sendKeepAlive(topic);
    else endStreams(topic);
  }
}

function publish(topic: Topic, text: string, finished: boolean): void {
  if (text === topic.text) {
    sendKeepAlive(topic);
    return;
  }
  topic.text = text;
  topic.lastSentAt = Date.now();
  for (const listener of topic.listeners) {
    if (finished || listener.readableLength < maxUnreadBytes) listener.push(formatEvent(text));
  }
  if (finished) endStreams(topic);
}

/** Sends a comment after 15 s without an event, so that proxies do not close the connection as idle. */
function sendKeepAlive(topic: Topic): void {
  if (Date.now() - topic.lastSentAt < keepAliveMs) return;
  topic.lastSentAt = Date.now();
  for (const listener of topic.listeners) listener.push(': keep-alive\n\n');
}

function endStreams(topic: Topic): void {
  for (const listener of topic.listeners) listener.push(null);
  topic.listeners.clear();
}

function isFinished(view: RunView): boolean {
  return finishedStatuses.includes(view.status);
}

function formatEvent(text: string): string {
  return `event: run\ndata: ${text}\n\n`;
}

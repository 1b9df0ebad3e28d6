import { createPaint, escapeControls, escapeControlsDeep, type Paint, shouldUseColour, toJson } from './format.ts';
import type { Problem } from './problem.ts';

/** The part of a writable stream that output uses. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** Results on stdout, as text or as one JSON document; everything else on stderr. */
export interface Output {
  readonly json: boolean;
  readonly paint: Paint;
  readonly streams: Streams;
  /** The result of a command. `human` formats a copy of it in which control characters are escaped. */
  answer<T>(value: T, human: (safe: T) => string): void;
  /** One of several results, on a line of its own. */
  jsonLine(value: unknown): void;
  /** A message that is not part of the result. */
  note(text: string): void;
  problem(problem: Problem): void;
}

export function createOutput(streams: Streams, options: { json: boolean; noColour: boolean }): Output {
  const { stdout, stderr } = streams;
  const paint = createPaint(shouldUseColour(stdout, options));
  const paintError = createPaint(shouldUseColour(stderr, options));
  let answered = false;
  let indent = 2;
  return {
    json: options.json,
    paint,
    streams,
    answer(value, human) {
      answered = true;
      stdout.write(`${options.json ? toJson(value, 2) : human(escapeControlsDeep(value))}\n`);
    },
    jsonLine(value) {
      indent = 0;
      stdout.write(`${toJson(value, 0)}\n`);
    },
    note(text) {
      stderr.write(`${escapeControls(text)}\n`);
    },
    problem(problem) {
      // Scripts that parse stdout always get a document.
      if (options.json && !answered) stdout.write(`${toJson(errorDocument(problem), indent)}\n`);
      stderr.write(`${problemLines(problem, paintError).join('\n')}\n`);
    },
  };
}

function errorDocument({ code, message, remedy, status, items }: Problem): unknown {
  return { error: { code, message, remedy: remedy ?? null, status: status ?? null, items } };
}

function problemLines(problem: Problem, paint: Paint): string[] {
  return [
    `${paint(`${escapeControls(problem.code)}:`, 'red')} ${escapeControls(problem.message)}`,
    ...problem.items.map((item) => `  - ${escapeControls(item)}`),
    ...(problem.remedy ? [`→ ${escapeControls(problem.remedy)}`] : []),
  ];
}

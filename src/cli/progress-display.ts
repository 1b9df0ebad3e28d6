import type { RunView } from './answers.ts';
import type { Stream } from './output.ts';
import { progressLine } from './progress-line.ts';
import { neutral } from './text.ts';

/** Shows how far a run is: a line rewritten in place for a person, a new one every few seconds for a log. */
export interface ProgressDisplay {
  show(run: RunView): void;
  note(text: string): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

const logEveryMs = 5000;
const wipe = '\r\u001b[2K';

export function createProgressDisplay(stream: Stream, options: { inPlace: boolean }): ProgressDisplay {
  return options.inPlace ? liveLine(stream) : logLines(stream, () => Date.now());
}

/** Where nobody looks. */
export const noProgressDisplay: ProgressDisplay = { show() {}, note() {}, end() {} };

function liveLine(stream: Stream): ProgressDisplay {
  let line = '';
  // A line longer than the window would wrap, and then no longer be rewritten in place.
  const draw = (): void => void stream.write(`${wipe}${line.slice(0, Math.max(20, (stream.columns ?? 120) - 1))}`);
  return {
    show(run) {
      line = progressLine(run, new Date());
      draw();
    },
    note(text) {
      stream.write(`${wipe}${neutral(text)}\n`);
      if (line) draw();
    },
    end() {
      if (line) stream.write('\n');
      line = '';
    },
  };
}

/** Exported for its clock. */
export function logLines(stream: Stream, now: () => number): ProgressDisplay {
  let writtenAt = Number.NEGATIVE_INFINITY;
  let waiting: RunView | undefined;
  const write = (run: RunView): void => {
    stream.write(`${progressLine(run, new Date(now()))}\n`);
    writtenAt = now();
    waiting = undefined;
  };
  return {
    show(run) {
      if (now() - writtenAt >= logEveryMs) write(run);
      else waiting = run;
    },
    note: (text) => void stream.write(`${neutral(text)}\n`),
    end: () => {
      if (waiting) write(waiting);
    },
  };
}

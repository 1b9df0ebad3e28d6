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

export function createProgressDisplay(stream: Stream, options: { inPlace: boolean }): ProgressDisplay {
  return options.inPlace ? liveLine(stream) : logLines(stream, () => Date.now());
}

/** Where nobody looks. */
export const noProgressDisplay: ProgressDisplay = { show() {}, note() {}, end() {} };

function liveLine(stream: Stream): ProgressDisplay {
  let line = '';
  const wipe = (): string => wipeOf(line.length, stream.columns);
  return {
    show(run) {
      const next = progressLine(run, new Date());
      stream.write(`${wipe()}${next}`);
      line = next;
    },
    note(text) {
      stream.write(`${wipe()}${neutral(text)}\n${line}`);
    },
    end() {
      if (line) stream.write('\n');
      line = '';
    },
  };
}

/** The line is longer than eighty letters: in a narrow window it fills several rows, and all of them are rewritten. */
function wipeOf(length: number, columns: number | undefined): string {
  const rows = columns ? Math.ceil(length / columns) : 1;
  return rows > 1 ? `\r\u001b[${rows - 1}A\u001b[J` : '\r\u001b[2K';
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

import type { RunView } from './answers.ts';
import type { Stream } from './output.ts';
import { formatProgressLine } from './progress-line.ts';
import { escapeControls } from './text.ts';

/** Shows how far a run is: a line rewritten in place for a person, a new one every few seconds for a log. */
export interface ProgressDisplay {
  show(run: RunView): void;
  note(text: string): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

const logEveryMs = 5000;

export function createProgressDisplay(stream: Stream, options: { inPlace: boolean }): ProgressDisplay {
  return options.inPlace ? createInPlaceDisplay(stream) : createLogDisplay(stream, () => Date.now());
}

/** Where nobody looks. */
export const noProgressDisplay: ProgressDisplay = { show() {}, note() {}, end() {} };

function createInPlaceDisplay(stream: Stream): ProgressDisplay {
  let line = '';
  const wipe = (): string => clearSequence(line.length, stream.columns);
  return {
    show(run) {
      const next = formatProgressLine(run, new Date());
      stream.write(`${wipe()}${next}`);
      line = next;
    },
    note(text) {
      stream.write(`${wipe()}${escapeControls(text)}\n${line}`);
    },
    end() {
      if (line) stream.write('\n');
      line = '';
    },
  };
}

/** The line is longer than eighty letters: in a narrow window it fills several rows, and all of them are rewritten. */
function clearSequence(length: number, columns: number | undefined): string {
  const rows = columns ? Math.ceil(length / columns) : 1;
  return rows > 1 ? `\r\u001b[${rows - 1}A\u001b[J` : '\r\u001b[2K';
}

/** Exported for its clock. */
export function createLogDisplay(stream: Stream, now: () => number): ProgressDisplay {
  let writtenAt = Number.NEGATIVE_INFINITY;
  let waiting: RunView | undefined;
  const write = (run: RunView): void => {
    stream.write(`${formatProgressLine(run, new Date(now()))}\n`);
    writtenAt = now();
    waiting = undefined;
  };
  return {
    show(run) {
      if (now() - writtenAt >= logEveryMs) write(run);
      else waiting = run;
    },
    note: (text) => void stream.write(`${escapeControls(text)}\n`),
    end: () => {
      if (waiting) write(waiting);
    },
  };
}

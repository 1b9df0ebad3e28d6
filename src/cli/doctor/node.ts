import { type Finding, okFinding, problemFinding } from './finding.ts';

const minimumNode = [20, 19] as const;

/** Whether this Node can run Drover; the same bound as in package.json. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1]))
    return okFinding('node', version);
  return problemFinding(
    'node',
    `${version} is too old`,
    `Install Node ${minimumNode.join('.')} or newer: https://nodejs.org`,
  );
}

import { type Finding, ok, problem } from './finding.ts';

const oldest = [20, 19] as const;

/** Whether this Node can run Drover; the same bound as in package.json. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return ok('node', version);
  return problem('node', `${version} is too old`, `Install Node ${oldest.join('.')} or newer: https://nodejs.org`);
}

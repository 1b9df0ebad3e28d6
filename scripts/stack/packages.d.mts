/** Why node_modules is not what package-lock.json asks for, or undefined when it is. */
export function whyStale(root: string): string | undefined;
/** Runs `npm ci`; throws with npm's reason when it fails. */
export function installPackages(root: string): void;

import type { IdentityReader, IdPair } from './ports.ts';

/**
 * `{source id: target id}` of everything an entity has in the target: what this run and earlier ones loaded, and after
 * it the records of this run that found their place without a row of their own, merged into another or left as they
 * were. What the target says of a record comes first and is not repeated.
 */
export async function* mappingFile(
  identities: IdentityReader,
  scope: string,
  entity: string,
  ofRun: AsyncIterable<readonly IdPair[]>,
): AsyncIterable<string> {
  let separator = '{';
  for await (const page of withoutRepeats(identities, scope, entity, ofRun)) {
    const lines = page.map(({ sourceId, targetId }) => `\n  ${JSON.stringify(sourceId)}: ${JSON.stringify(targetId)}`);
    if (lines.length === 0) continue;
    yield separator + lines.join(',');
    separator = ',';
  }
  yield separator === '{' ? '{}\n' : '\n}\n';
}

async function* withoutRepeats(
  identities: IdentityReader,
  scope: string,
  entity: string,
  ofRun: AsyncIterable<readonly IdPair[]>,
): AsyncIterable<readonly IdPair[]> {
  yield* identities.pairs(scope, entity);
  for await (const page of ofRun) {
    const sourceIds = page.map((pair) => pair.sourceId);
    const known = await identities.known(scope, entity, sourceIds);
    yield page.filter((pair) => !known.has(pair.sourceId));
  }
}

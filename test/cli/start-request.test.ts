import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildStartRequest } from '../../src/cli/commands/run.ts';
import { parseIds, parseParameter, wholeNumberParser } from '../../src/cli/option-parsers.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
  writeFileSync(join(folder, 'ids.txt'), '\ufeffa\r\nb,1\n\n a \n');
  writeFileSync(join(folder, 'ids.json'), '["x", 7]');
  writeFileSync(join(folder, 'params.json'), '{"amountUnit": "minor", "n": 1}');
  writeFileSync(join(folder, 'map.json'), '{"users": {"role": "kind"}}');
  writeFileSync(join(folder, 'bad.json'), '{"users": ');
  writeFileSync(join(folder, 'list.json'), '[1]');
});

afterAll(() => rmSync(folder, { recursive: true }));

const place = () => ({ workingFolder: folder, sharedExportDir: undefined });

describe('the request to start a run', () => {
  it('says nothing that was not said', () => {
    expect(JSON.parse(JSON.stringify(buildStartRequest('bubble', {}, place())))).toEqual({ plan: 'bubble' });
  });

  it('takes parameters from the general to the particular', () => {
    const options = { params: 'params.json', fieldMap: 'map.json', skipExport: true, param: { n: 2 } };
    expect(buildStartRequest('bubble', options, place()).params).toEqual({
      amountUnit: 'minor',
      fieldMap: { users: { role: 'kind' } },
      skipExport: true,
      n: 2,
    });
  });

  it('says where the files are that were exported here', () => {
    const shared = { ...place(), sharedExportDir: '/exports' };
    expect(buildStartRequest('bubble', { skipExport: true }, shared).params).toEqual({
      skipExport: true,
      exportDir: '/exports',
    });
    expect(buildStartRequest('bubble', {}, shared).params).toBeUndefined();
  });

  it('refuses what contradicts itself, and files that are not what they should be', () => {
    expect(() => buildStartRequest('bubble', { skipExport: true, exportOnly: true }, place())).toThrow('nothing to do');
    expect(() => buildStartRequest('bubble', { ids: 'a', strategy: 'full' }, place())).toThrow('contradict');
    expect(() => buildStartRequest('bubble', { params: 'gone.json' }, place())).toThrow('cannot be read');
    expect(() => buildStartRequest('bubble', { fieldMap: 'bad.json' }, place())).toThrow('is not JSON');
    expect(() => buildStartRequest('bubble', { fieldMap: 'list.json' }, place())).toThrow('JSON object');
  });
});

describe('option values', () => {
  it('give ids from the line or from a file, each once', () => {
    expect(parseIds('a, b,,a', folder)).toEqual(['a', 'b']);
    expect(parseIds('@ids.txt', folder)).toEqual(['a', 'b,1']);
    expect(parseIds('@ids.json', folder)).toEqual(['x', '7']);
    expect(() => parseIds(' , ', folder)).toThrow('names no id');
    expect(() => parseIds('@bad.json', folder)).not.toThrow();
  });

  it('give parameters, as JSON where they are', () => {
    const all = ['n=1', 'ok=true', 'list=["a"]', 'text=a=b', 'zone=Asia/Manila', '__proto__=x'].reduce(
      (gathered, one) => parseParameter(one, gathered),
      {} as Record<string, unknown>,
    );
    expect(JSON.stringify(all)).toBe(
      '{"n":1,"ok":true,"list":["a"],"text":"a=b","zone":"Asia/Manila","__proto__":"x"}',
    );
    expect(() => parseParameter('novalue')).toThrow('key=value');
  });

  it('give whole numbers within their bounds', () => {
    expect(wholeNumberParser(1, 500)('500')).toBe(500);
    for (const wrong of ['0', '501', '1.5', '1e2', '', 'ten', '-1'])
      expect(() => wholeNumberParser(1, 500)(wrong)).toThrow();
  });
});

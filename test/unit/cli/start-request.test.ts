import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRequest } from '../../../src/cli/start-request.ts';
import { ids, parameter, wholeNumber } from '../../../src/cli/values.ts';

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
    expect(JSON.parse(JSON.stringify(startRequest('bubble', {}, place())))).toEqual({ plan: 'bubble' });
  });

  it('takes parameters from the general to the particular', () => {
    const options = { params: 'params.json', fieldMap: 'map.json', skipExport: true, param: { n: 2 } };
    expect(startRequest('bubble', options, place()).params).toEqual({
      amountUnit: 'minor',
      fieldMap: { users: { role: 'kind' } },
      skipExport: true,
      n: 2,
    });
  });

  it('says where the files are that were exported here', () => {
    const shared = { ...place(), sharedExportDir: '/exports' };
    expect(startRequest('bubble', { skipExport: true }, shared).params).toEqual({
      skipExport: true,
      exportDir: '/exports',
    });
    expect(startRequest('bubble', {}, shared).params).toBeUndefined();
  });

  it('refuses what contradicts itself, and files that are not what they should be', () => {
    expect(() => startRequest('bubble', { skipExport: true, exportOnly: true }, place())).toThrow('nothing to do');
    expect(() => startRequest('bubble', { ids: 'a', strategy: 'full' }, place())).toThrow('contradict');
    expect(() => startRequest('bubble', { params: 'gone.json' }, place())).toThrow('cannot be read');
    expect(() => startRequest('bubble', { fieldMap: 'bad.json' }, place())).toThrow('is not JSON');
    expect(() => startRequest('bubble', { fieldMap: 'list.json' }, place())).toThrow('JSON object');
  });
});

describe('option values', () => {
  it('give ids from the line or from a file, each once', () => {
    expect(ids('a, b,,a', folder)).toEqual(['a', 'b']);
    expect(ids('@ids.txt', folder)).toEqual(['a', 'b,1']);
    expect(ids('@ids.json', folder)).toEqual(['x', '7']);
    expect(() => ids(' , ', folder)).toThrow('names no id');
    expect(() => ids('@bad.json', folder)).not.toThrow();
  });

  it('give parameters, as JSON where they are', () => {
    const all = ['n=1', 'ok=true', 'list=["a"]', 'text=a=b', 'zone=Asia/Manila', '__proto__=x'].reduce(
      (gathered, one) => parameter(one, gathered),
      {} as Record<string, unknown>,
    );
    expect(JSON.stringify(all)).toBe(
      '{"n":1,"ok":true,"list":["a"],"text":"a=b","zone":"Asia/Manila","__proto__":"x"}',
    );
    expect(() => parameter('novalue')).toThrow('key=value');
  });

  it('give whole numbers within their bounds', () => {
    expect(wholeNumber(1, 500)('500')).toBe(500);
    for (const wrong of ['0', '501', '1.5', '1e2', '', 'ten', '-1']) expect(() => wholeNumber(1, 500)(wrong)).toThrow();
  });
});

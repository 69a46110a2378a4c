// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {diffLines, imageParts} from './diff';

test('each line has its sign', () => {
    expect(diffLines(' spec:\n-  a: 1\n+  a: 2\nodd\n')).toEqual([
        {kind: 'same', sign: ' ', text: 'spec:'}, {kind: 'removed', sign: '−', text: '  a: 1'}, {kind: 'added', sign: '+', text: '  a: 2'}, {kind: 'same', sign: ' ', text: 'odd'}]);
    expect(diffLines('')).toEqual([]);
});

test('a text that turns itself around is shown as it is', () => {
    expect(diffLines('+ a\u202eb')[0]?.text).toBe(' a▯b');
    expect(imageParts('a\u202e/b:1@sha256:00')).toEqual({name: 'a▯/b:1', digest: 'sha256:00'});
    expect(imageParts('a/b:1')).toEqual({name: 'a/b:1', digest: ''});
});

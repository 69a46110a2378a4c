// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {flag, numbers, readState, text, texts, word, words, writeState, type Fields} from './urlstate';

interface State { q: string; mine: boolean; sort: 'a' | 'b'; phase: ('x' | 'y' | 'z')[]; owner: string[]; rank: number[] }
const fields: Fields<State> = {q: text('', 10), mine: flag(true), sort: word(['a', 'b'], 'a'), phase: words(['x', 'y', 'z']), owner: texts(2), rank: numbers(9999, 3)};
const read = (query: string) => readState(fields, new URLSearchParams(query));
const byDefault: State = {q: '', mine: true, sort: 'a', phase: [], owner: [], rank: []};

test('what is as by default is left out, the rest comes back the same', () => {
    expect(read('')).toEqual(byDefault);
    expect(writeState(fields, byDefault)).toBe('');
    const state: State = {q: 'a&b=c', mine: false, sort: 'b', phase: ['x', 'z'], owner: ['al ice', 'böb'], rank: [0, 12]};
    expect(read(writeState(fields, state))).toEqual(state);
});

test('what cannot be read is as by default', () => {
    expect(read('mine=perhaps&sort=c&phase=q&phase=y&rank=-1&rank=x&rank=10000&rank=7&rank=7&owner=&q=0123456789abc'))
        .toEqual({...byDefault, phase: ['y'], rank: [7], q: '0123456789'});
});

test('a list is no longer than it may be', () => {
    expect(read('owner=a&owner=b&owner=c').owner).toEqual(['a', 'b']);
    expect(read('rank=3&rank=1&rank=2&rank=0').rank).toEqual([0, 1, 2]);
});
